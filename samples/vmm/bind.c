// SPDX-License-Identifier: GPL-2.0
/*
 * From an address on the PCI bus to a device of the iommufd, and what to do where that
 * fails.
 */
#include <errno.h>

#include "bind.h"
#include "error.h"

int bind_function(struct vfio_dev *dev, const char *bdf, int iommufd)
{
	struct vfio_function function;
	int ret;

	ret = vfio_find_bdf(bdf, &function);
	if (ret)
		return vmm_error(ret, "%s: no such PCI function with a vfio cdev; bind it to vfio-pci",
				 bdf);
	ret = vfio_open(dev, &function);
	if (ret)
		return vmm_error(ret, "/dev/vfio/devices/%s", function.cdev);
	ret = vfio_bind(dev, iommufd);
	if (ret)
		return vmm_error(ret, "%s: binding it to the iommufd%s", bdf,
				 ret == -EINVAL ? ": does another process have it?" :
				 ret == -EPERM ? ": does another VM have memory of its GPU?" : "");
	return 0;
}
