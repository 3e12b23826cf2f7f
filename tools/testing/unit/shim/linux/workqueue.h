/* SPDX-License-Identifier: GPL-2.0 */
/* Nothing is ever queued: structures have such members */
#ifndef SHIM_WORKQUEUE_H
#define SHIM_WORKQUEUE_H

struct delayed_work {
	int unused;
};

#endif
