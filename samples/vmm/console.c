// SPDX-License-Identifier: GPL-2.0
/*
 * A PL011 (Arm DDI 0183) as Linux's amba-pl011 uses it: data, flags, interrupts, the
 * peripheral's identification. No baud rates, no modem lines, no DMA.
 *
 * Input waits in a FIFO of 16, as the hardware has it; while that is full, stdin is not
 * watched, so nothing is lost and nothing is polled. Output is written at once: a slow
 * reader of stdout slows the guest.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "gic.h"
#include "layout.h"
#include "loop.h"
#include "vm.h"

#define UARTDR		0x000
#define UARTFR		0x018
#define  FR_TXFE	0x80
#define  FR_RXFF	0x40
#define  FR_RXFE	0x10
#define UARTCR		0x030
#define UARTIFLS	0x034
#define UARTIMSC	0x038
#define UARTRIS		0x03c
#define UARTMIS		0x040
#define UARTICR		0x044
#define  INT_RX		0x10
#define  INT_TX		0x20
#define  INT_RT		0x40
#define UARTDMACR	0x048
#define UART_ID		0xfe0

#define FIFO_SIZE	16
#define ESCAPE		1	/* Ctrl-A */

struct console {
	struct vm *vm;
	struct loop *loop;
	int in, out;
	int watch;		/* of @in, -1 while the FIFO is full and after its end */
	int room;		/* eventfd: a vCPU has made room in the FIFO */
	int room_watch;
	bool ended;		/* nothing more comes from @in */
	bool escaped;		/* the last byte was ESCAPE */
	bool raw;
	struct termios termios;	/* as it was */
	uint8_t fifo[FIFO_SIZE];
	unsigned int head, count;
	/* What the guest has written, up to UARTDMACR; nothing has an effect but UARTIMSC */
	uint16_t regs[UARTDMACR / 4 + 1];
	uint32_t tx;		/* INT_TX if it is raised */
};

static uint32_t raw_interrupts(const struct console *console)
{
	/* With data there: the timeout interrupt as well, as no more may come */
	return console->tx | (console->count ? INT_RX | INT_RT : 0);
}

static void update_line(struct console *console)
{
	gic_set_spi(console->vm, GUEST_SPI_UART,
		    raw_interrupts(console) & console->regs[UARTIMSC / 4]);
}

static void readable(void *opaque);

static void watch_input(struct console *console)
{
	if (console->watch < 0 && !console->ended && console->count < FIFO_SIZE)
		console->watch = loop_add(console->loop, console->in, readable, console);
}

/* The ring is the loop's own, so a vCPU has it watch the input again */
static void made_room(void *opaque)
{
	struct console *console = opaque;
	eventfd_t count;

	eventfd_read(console->room, &count);
	watch_input(console);
}

/* Returns false for a byte that is not the guest's */
static bool for_guest(struct console *console, uint8_t byte)
{
	if (!console->raw)
		return true;
	if (console->escaped && (byte == 'x' || byte == 'X')) {
		loop_stop(console->loop);
		return false;
	}
	console->escaped = !console->escaped && byte == ESCAPE;
	return !console->escaped;
}

static void readable(void *opaque)
{
	struct console *console = opaque;
	uint8_t bytes[FIFO_SIZE];
	ssize_t got, i;

	got = read(console->in, bytes, FIFO_SIZE - console->count);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (i = 0; i < got; i++)
		if (for_guest(console, bytes[i]))
			console->fifo[(console->head + console->count++) % FIFO_SIZE] = bytes[i];
	console->ended = got <= 0;
	if (console->ended || console->count == FIFO_SIZE) {
		loop_remove(console->loop, console->watch);
		console->watch = -1;
	}
	update_line(console);
}

static uint32_t take(struct console *console)
{
	uint8_t byte;

	if (!console->count)
		return 0;
	if (console->count == FIFO_SIZE)
		eventfd_write(console->room, 1);
	byte = console->fifo[console->head];
	console->head = (console->head + 1) % FIFO_SIZE;
	console->count--;
	return byte;
}

static uint64_t console_read(void *opaque, uint64_t offset, unsigned int size)
{
	/* Of the PrimeCell: part 0x011 of Arm (0x41), revision 3 */
	static const uint8_t id[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct console *console = opaque;

	(void)size;
	switch (offset) {
	case UARTDR:
		offset = take(console);
		update_line(console);
		return offset;
	case UARTFR:
		return FR_TXFE | (console->count ? 0 : FR_RXFE) |
		       (console->count == FIFO_SIZE ? FR_RXFF : 0);
	case UARTRIS:
		return raw_interrupts(console);
	case UARTMIS:
		return raw_interrupts(console) & console->regs[UARTIMSC / 4];
	}
	if (offset >= UART_ID)
		return id[(offset - UART_ID) / 4];
	return offset <= UARTDMACR ? console->regs[offset / 4] : 0;
}

static void put(struct console *console, uint8_t byte)
{
	/* What the reader does not want is gone, as on a wire */
	while (write(console->out, &byte, 1) < 0 && errno == EINTR)
		;
	console->tx = INT_TX;
}

static void console_write(void *opaque, uint64_t offset, uint64_t value, unsigned int size)
{
	struct console *console = opaque;

	(void)size;
	if (offset == UARTDR)
		put(console, value);
	else if (offset == UARTICR && value & INT_TX)
		console->tx = 0;
	else if (offset <= UARTDMACR)
		console->regs[offset / 4] = value;
	update_line(console);
}

const struct mmio_ops console_mmio_ops = {
	.read = console_read,
	.write = console_write,
};

static void make_raw(struct console *console)
{
	struct termios raw;

	if (!isatty(console->in) || tcgetattr(console->in, &console->termios))
		return;
	raw = console->termios;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	console->raw = !tcsetattr(console->in, TCSANOW, &raw);
}

struct console *console_new(struct vm *vm, struct loop *loop, int in, int out)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console)
		return NULL;
	console->vm = vm;
	console->loop = loop;
	console->in = in;
	console->out = out;
	console->watch = -1;
	console->regs[UARTIFLS / 4] = 0x12;
	console->regs[UARTCR / 4] = 0x300;
	console->room = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	console->room_watch = loop_add(loop, console->room, made_room, console);
	make_raw(console);
	watch_input(console);
	return console;
}

void console_free(struct console *console)
{
	if (!console)
		return;
	if (console->watch >= 0)
		loop_remove(console->loop, console->watch);
	loop_remove(console->loop, console->room_watch);
	close(console->room);
	if (console->raw)
		tcsetattr(console->in, TCSANOW, &console->termios);
	free(console);
}
