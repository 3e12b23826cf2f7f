/* SPDX-License-Identifier: GPL-2.0 */
/* All of the library */
#ifndef IOMMUFD_MEM_H
#define IOMMUFD_MEM_H

#include <iommufd-mem/iommufd.h>
#include <iommufd-mem/vfio.h>

#endif
