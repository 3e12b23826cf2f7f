# The test machine's QEMU: one board and the devices its tests use, nothing else.

CONFIG_ARM_VIRT=y

# PCIe topology: root ports, and a switch to put two GPUs behind one port
CONFIG_PCIE_PORT=y
CONFIG_XIO3130=y

# The host program talks to the guest over these
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_SERIAL=y

# Plain DMA and BAR devices
CONFIG_EDU=y
CONFIG_PCI_TESTDEV=y

CONFIG_NVGRACE_GPU=y
