/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Binding of a PCI function, for the VMM and its launcher.
 */
#ifndef VMM_BIND_H
#define VMM_BIND_H

#include <iommufd-mem/vfio.h>

/*
 * Open the cdev of the function at @bdf, as in sysfs, and bind it to @iommufd. Returns 0
 * or a negative errno, and has said why
 */
int bind_function(struct vfio_dev *dev, const char *bdf, int iommufd);

#endif
