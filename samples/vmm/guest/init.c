// SPDX-License-Identifier: GPL-2.0
/*
 * The program in the sample VMM's guest: its first process, which runs one job, says
 * on the console what came of it, and powers off. Started by hand in any other
 * machine it runs the job and exits.
 *
 * Not about: what the jobs do (job_*.c).
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "guest.h"

static const struct {
	const char *name;
	int (*run)(const struct guest_options *options);
} jobs[] = {
	{ "boot", job_boot },
	{ "dma", job_dma },
	{ "stress", job_stress },
	{ "forge", job_forge },
	{ "idle", job_idle },
	{ "poison", job_poison },
	{ "reset", NULL },	/* nothing but what comes after it */
};

enum {
	OPTION_JOB = 0x100,
	OPTION_SIZE,
	OPTION_SECONDS,
	OPTION_FORGE,
};

static const struct argp_option argp_options[] = {
	{ "job", OPTION_JOB, "NAME", 0,
	  "boot, dma (default), stress, forge, idle, poison or reset", 0 },
	{ "size", OPTION_SIZE, "MIB", 0, "what a job copies or touches (default 32)", 0 },
	{ "seconds", OPTION_SECONDS, "N", 0, "how long stress runs (default 10)", 0 },
	{ "forge", OPTION_FORGE, "ADDRESS,...", 0,
	  "guest-physical addresses that forge tries to reach", 0 },
	{}
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct guest_options *options = state->input;
	char *end = "";

	switch (key) {
	case OPTION_JOB:
		options->job = arg;
		break;
	case OPTION_SIZE:
		options->size = MIB(strtoul(arg, &end, 0));
		if (*end == 'M')
			end++;
		if (!options->size || options->size > MIB(2048))
			argp_error(state, "the size is 1 to 2048 MiB, not %s", arg);
		break;
	case OPTION_SECONDS:
		options->seconds = strtoul(arg, &end, 0);
		break;
	case OPTION_FORGE:
		options->forge = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (*end)
		argp_error(state, "not a number: %s", arg);
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_option,
	.doc = "The program in the sample VMM's guest.",
};

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
	} mounts[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devtmpfs", "/dev" },
		{ "tmpfs", "/tmp" },
		{ "debugfs", "/sys/kernel/debug" },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		/* What is missing is missed where it is used */
		mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL);
	}
}

/* The initrd has no device nodes, so the kernel gave us no console */
static void open_console(void)
{
	struct termios mode;
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	/* Echoing is a job */
	if (!tcgetattr(STDIN_FILENO, &mode)) {
		mode.c_lflag &= ~ECHO;
		tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	}
}

/* guest.NAME=VALUE becomes --NAME=VALUE; all other words are the kernel's */
static void parse_command_line(struct guest_options *options)
{
	static char text[4096], words[32][1024];
	char *argv[33] = { "guest" }, *word, *save;
	int argc = 1;

	file_read(text, sizeof(text), "/proc/cmdline");
	for (word = strtok_r(text, " ", &save); word && argc <= 32;
	     word = strtok_r(NULL, " ", &save)) {
		if (strncmp(word, "guest.", 6))
			continue;
		snprintf(words[argc - 1], sizeof(words[0]), "--%s", word + 6);
		argv[argc] = words[argc - 1];
		argc++;
	}
	argp_parse(&argp, argc, argv, 0, NULL, options);
}

static int run_job(const struct guest_options *options)
{
	uint64_t start = now_ms();
	size_t i;
	int ret;

	for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		if (!strcmp(jobs[i].name, options->job))
			break;
	if (i == sizeof(jobs) / sizeof(jobs[0])) {
		say("%s: failed: there is no such job", options->job);
		return EXIT_FAILURE;
	}
	ret = jobs[i].run ? jobs[i].run(options) : 0;
	say("%s: %llu ms", options->job, (unsigned long long)(now_ms() - start));
	if (ret)
		say("%s: failed: %s", options->job, failure());
	else
		say("%s: ok", options->job);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A process of its own: a job that crashes must not take the kernel with it */
static void run_first_process(struct guest_options *options)
{
	int status = 0;
	pid_t pid;

	mount_all();
	open_console();
	pid = fork();
	if (!pid) {
		parse_command_line(options);
		exit(run_job(options));
	}
	while (pid > 0 && waitpid(-1, &status, 0) != pid)
		;
	if (pid < 0 || WIFSIGNALED(status))
		say("job: failed: %s", pid < 0 ? "fork" : strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == argp_err_exit_status)
		say("job: failed: the orders are not understood");
	tcdrain(STDOUT_FILENO);
}

int main(int argc, char **argv)
{
	struct guest_options options = { .job = "dma", .size = MIB(32), .seconds = 10 };
	char command_line[4096];

	if (getpid() != 1) {
		argp_parse(&argp, argc, argv, 0, NULL, &options);
		return run_job(&options);
	}
	run_first_process(&options);
	file_read(command_line, sizeof(command_line), "/proc/cmdline");
	if (strstr(command_line, "guest.job=reset")) {
		say("reset");
		tcdrain(STDOUT_FILENO);
		reboot(RB_AUTOBOOT);
	}
	reboot(RB_POWER_OFF);
	return EXIT_FAILURE;
}
