/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the VMM may still do once it is set up.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

/*
 * Drop all capabilities, and let this process and its threads make only the system calls
 * and ioctls that running the guest takes. Returns 0 or a negative errno, and has said
 * why.
 */
int sandbox_enter(void);

#endif
