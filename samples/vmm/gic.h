/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interrupt controller: KVM's vGICv3 with an ITS; lines and MSIs into it.
 */
#ifndef VMM_GIC_H
#define VMM_GIC_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

#define GIC_MSIS_MAX	128

/*
 * Before gic_create() the VM has no vCPU; gic_init() comes when it has all of them.
 * Both return 0 or a negative errno, and have said why.
 */
int gic_create(struct vm *vm);
int gic_init(struct vm *vm, unsigned int cpus);

/* Of a shared peripheral interrupt, numbered from 0 */
void gic_set_spi(struct vm *vm, unsigned int spi, bool level);
/* An edge */
void gic_pulse_spi(struct vm *vm, unsigned int spi);

/*
 * A message from an eventfd: whenever it is signalled, the device whose requester ID is
 * @rid writes @data to the ITS. @data is the guest's, and the ITS drops what it does not
 * know. Returns 0 or a negative errno; -ENOSPC: there are GIC_MSIS_MAX routes.
 */
int gic_connect_msi(struct vm *vm, int event_fd, uint16_t rid, uint32_t data);
void gic_disconnect_msi(struct vm *vm, int event_fd);

#endif
