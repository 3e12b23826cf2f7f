/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GPU's core driver as root on the host sees it: the PF in sysfs, the driver's files in
 * debugfs, its test module, and the window of the GPU's model by which trouble is asked for
 * and the driver's errors are counted (see Documentation/dev-tools/gpu-model.rst).
 */
#ifndef VGPU_H
#define VGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VGPU_DRIVER	"nvgrace-vgpu"
#define VGPU_TEST	"nvgrace-vgpu-test"
#define VGPU_PCI	"/sys/bus/pci"

struct vgpu {
	char pf[16];			/* domain:bus:device.function */
	volatile uint32_t *window;	/* of the model, NULL if the PF is gone */
	int log;			/* the kernel's, -1 if it is not looked at */
};

/* Find the PF and map the window. 0, or a negative errno: -ENODEV without such a GPU */
int vgpu_open(struct vgpu *v);
/* The same, and its driver is bound and works, without any trouble */
int vgpu_open_running(struct vgpu *v);
void vgpu_close(struct vgpu *v);

/* The core driver gets the PF, or gives it up: what probe said */
int vgpu_bind(struct vgpu *v);
int vgpu_unbind(struct vgpu *v);
bool vgpu_is_bound(struct vgpu *v);
/* Reset by sysfs: of the function, if it is not told otherwise */
int vgpu_reset(struct vgpu *v);
/* How: "flr", "bus", "default". -EINVAL if the device or the machine cannot */
int vgpu_reset_method(struct vgpu *v, const char *method);
int vgpu_set_vfs(struct vgpu *v, unsigned int nr);

/* A register of the window, @reg as in nvgrace-gpu-regs.h */
uint32_t vgpu_read(struct vgpu *v, uint32_t reg);
void vgpu_write(struct vgpu *v, uint32_t reg, uint32_t val);
/* Arm a trouble, NVGRACE_INJECT_* */
void vgpu_inject(struct vgpu *v, uint32_t kind, uint32_t param);
/* Disarm all */
void vgpu_calm(struct vgpu *v);
/* Rules that the driver broke since the machine started */
uint32_t vgpu_driver_errors(struct vgpu *v);

/* What a line "@name: value" of the driver's file @file in debugfs says; "" without */
const char *vgpu_value(struct vgpu *v, const char *file, const char *name, char *text,
		       size_t size);
/* The same as a number, 0 without */
uint64_t vgpu_count(struct vgpu *v, const char *file, const char *name);
/* Of the file "state": off, booting, running, lost; "" without a driver */
const char *vgpu_state(struct vgpu *v, char *text, size_t size);
/* Wait until it is this; false after some seconds */
bool vgpu_becomes(struct vgpu *v, const char *state);
/* Wait until it runs and is not in @epoch (of the file "state") any more */
bool vgpu_boots_again(struct vgpu *v, uint64_t epoch);
/* PCI errors that were reported for the PF, "fatal" or "nonfatal" */
uint64_t vgpu_pci_errors(struct vgpu *v, const char *kind);

/*
 * The core dump that the driver left (devcoredump), which is then deleted: bytes of it, as
 * many as fit, NUL-ended. -ENOENT after some seconds if there is none
 */
ssize_t vgpu_take_dump(struct vgpu *v, char *text, size_t size);
/* Delete what there is */
void vgpu_drop_dump(struct vgpu *v);

/* A module of the initrd: "kunit". 0 if it is loaded (already) */
int vgpu_insmod(const char *name, const char *parameters);
int vgpu_rmmod(const char *name);

/*
 * The driver's test module: see drivers/gpu/nvgrace-vgpu/test/load.c. Verbs say what a
 * write of its files says: 0 or a negative errno.
 */
int vgpu_load_test_module(void);
/* One round trip, with a context of its own */
int vgpu_copy(void);
/* A context that reads where nothing is mapped: -EIO if all is told as it should */
int vgpu_fault(void);
/* Fills "egm" or "sysmem" for seconds. -EBADMSG if the GPU writes there after that has ended */
int vgpu_fill(const char *memory);
/* What a read of its benchmark comes to, after seconds, or minutes */
int vgpu_bench(void);
/* Would an allocation of framebuffer get this byte? -ENOENT if none does */
int vgpu_heap_has(uint64_t addr);
/* How often the driver told it so since it was bound: "stop", "lost", "ready" */
uint64_t vgpu_events(const char *name);
/* Start so many round trips without end, or with 0 end them */
int vgpu_load(unsigned int nr);

/*
 * The host goes to sleep, but with the test module no further than the GPU, and wakes up. 0,
 * or -EOPNOTSUPP if the kernel cannot
 */
int vgpu_sleep(struct vgpu *v);

#define VGPU_ERRNOS	256

struct vgpu_load {
	unsigned int starting;
	unsigned int running;
	uint64_t copies;
	unsigned int ended;
	unsigned int by[VGPU_ERRNOS];	/* errno, positive: how many ended with it */
};

int vgpu_load_read(struct vgpu_load *load);
/* Wait until so many run, and have copied since; false after some seconds */
bool vgpu_load_runs(unsigned int nr);
/* Wait until none runs; false after @seconds */
bool vgpu_load_ends(struct vgpu_load *load, unsigned int seconds);

/* From here on, lines of the kernel's log are looked at by vgpu_log_says() */
int vgpu_log_mark(struct vgpu *v);
/* Wait until a line has this in it; false after some seconds */
bool vgpu_log_says(struct vgpu *v, const char *text);

/* Monotonic time in milliseconds */
uint64_t vgpu_ms(void);

#endif
