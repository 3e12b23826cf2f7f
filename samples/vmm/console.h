/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's console: a PL011 UART on the VMM's stdin and stdout.
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include "mmio.h"

struct console;
struct loop;
struct vm;

extern const struct mmio_ops console_mmio_ops;

/*
 * @in, @out: file descriptors; a terminal at @in is made raw until console_free(), and
 * Ctrl-A X there ends the VMM. NULL if there is no memory for it
 */
struct console *console_new(struct vm *vm, struct loop *loop, int in, int out);
void console_free(struct console *console);

#endif
