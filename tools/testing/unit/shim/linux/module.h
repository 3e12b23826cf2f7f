/* SPDX-License-Identifier: GPL-2.0 */
/* gpu_buddy makes its slab cache when its module is loaded: the test does that */
#define __init
#define __exit
#define module_init(fn)	int shim_module_init(void) { return fn(); }
#define module_exit(fn)	void shim_module_exit(void) { fn(); }
#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)
