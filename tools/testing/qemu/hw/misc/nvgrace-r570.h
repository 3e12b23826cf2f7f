/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of GSP-RM 570.144, as far as the GPU's device model speaks them:
 * numbers of functions, events, classes, controls and statuses, and where the
 * fields of a payload are (bytes from its start; u32 if nothing is said).
 *
 * The numbers are NVIDIA's (open-gpu-kernel-modules 570.144, nouveau's r570
 * headers), the names our own. What only the model has, says so. No code.
 */
#ifndef HW_MISC_NVGRACE_R570_H
#define HW_MISC_NVGRACE_R570_H

/* Queues */

#define R570_PAGE               4096
#define R570_QUEUE_SIZE         0x40000     /* header page and elements */
#define R570_QUEUE_ELEMS        63
#define R570_PTES               129         /* page table, two queues */

/* Header page: the writer's header, then the reader's */
#define R570_TX_VERSION         0           /* 0 */
#define R570_TX_SIZE            4           /* of the queue, bytes */
#define R570_TX_ELEM_SIZE       8
#define R570_TX_ELEMS           12
#define R570_TX_WRITE_PTR       16
#define R570_TX_FLAGS           20          /* 1: swapped read pointers */
#define R570_TX_RX_OFFSET       24
#define R570_TX_ENTRY_OFFSET    28
#define R570_RX_READ_PTR        32

/* Element header: 16 bytes of tag, 16 of additional data, then */
#define R570_ELEM_CHECKSUM      32
#define R570_ELEM_SEQ           36
#define R570_ELEM_COUNT         40
#define R570_ELEM_PAD           44
#define R570_ELEM_HEADER        48
#define R570_ELEMS_MAX          16          /* of a record */

/* RPC header, behind the element header */
#define R570_RPC_VERSION        0
#define R570_RPC_SIGNATURE      4
#define R570_RPC_LENGTH         8           /* with this header */
#define R570_RPC_FUNCTION       12
#define R570_RPC_RESULT         16
#define R570_RPC_PRIVATE        20
#define R570_RPC_SEQUENCE       24
#define R570_RPC_GFID           28
#define R570_RPC_HEADER         32

#define R570_RPC_VERSION_VALUE  0x03000000
#define R570_RPC_SIGNATURE_VALUE 0x43505256
#define R570_RPC_RESULT_SENT    0xffffffff

/* Payload of one record at most */
#define R570_RECORD_MAX         (R570_ELEMS_MAX * R570_PAGE - \
                                 R570_ELEM_HEADER - R570_RPC_HEADER)

/* Functions */

#define R570_FREE                   10
#define R570_UNLOADING_GUEST_DRIVER 47
#define R570_GET_GSP_STATIC_INFO    65
#define R570_UPDATE_BAR_PDE         70
#define R570_CONTINUATION_RECORD    71
#define R570_GSP_SET_SYSTEM_INFO    72
#define R570_SET_REGISTRY           73
#define R570_GSP_RM_CONTROL         76
#define R570_GSP_RM_ALLOC           103

/* Events */

#define R570_GSP_INIT_DONE          0x1001
#define R570_POST_EVENT             0x1003
#define R570_RC_TRIGGERED           0x1004
#define R570_MMU_FAULT_QUEUED       0x1005
#define R570_OS_ERROR_LOG           0x1006
#define R570_UCODE_LIBOS_PRINT      0x100c

/* NV_STATUS */

#define NV_OK                       0x00
#define NV_ERR_IN_USE               0x17
#define NV_ERR_INSERT_DUPLICATE     0x19
#define NV_ERR_INSUFFICIENT_RESOURCES 0x1a
#define NV_ERR_INSUFFICIENT_PERMISSIONS 0x1b
#define NV_ERR_INVALID_ADDRESS      0x1e
#define NV_ERR_INVALID_ARGUMENT     0x1f
#define NV_ERR_INVALID_CHANNEL      0x21
#define NV_ERR_INVALID_CLASS        0x22
#define NV_ERR_INVALID_CLIENT       0x23
#define NV_ERR_INVALID_OBJECT_HANDLE 0x33
#define NV_ERR_INVALID_OBJECT_PARENT 0x36
#define NV_ERR_INVALID_PARAM_STRUCT 0x3a
#define NV_ERR_INVALID_STATE        0x40
#define NV_ERR_NO_MEMORY            0x51
#define NV_ERR_NOT_READY            0x55
#define NV_ERR_NOT_SUPPORTED        0x56
#define NV_ERR_OBJECT_NOT_FOUND     0x57
#define NV_ERR_TIMEOUT              0x65

/* GSP_SET_SYSTEM_INFO */

#define R570_SYSINFO_SIZE           928
#define R570_SYSINFO_BAR0           0       /* u64, and the other two */
#define R570_SYSINFO_BAR1           8
#define R570_SYSINFO_BAR2           16
#define R570_SYSINFO_DBDF           32      /* u64 */
#define R570_SYSINFO_PCI_ID         88      /* device 31:16, vendor 15:0 */
#define R570_SYSINFO_SUBSYS_ID      92
#define R570_SYSINFO_REVISION       96
#define R570_SYSINFO_VFS            856     /* in all */
#define R570_SYSINFO_VF_OFFSET      860
#define R570_SYSINFO_VF_BAR0        864     /* u64, and the other two */
#define R570_SYSINFO_VF_64BIT       888     /* u8 for each BAR */
#define R570_SYSINFO_PAGE_SIZE      920     /* u64 */

/* SET_REGISTRY */

#define R570_REG_SIZE               0
#define R570_REG_COUNT              4
#define R570_REG_ENTRIES            8
#define R570_REG_ENTRY              16
#define R570_REG_NAME               0       /* offset of the name */
#define R570_REG_TYPE               4       /* u8, 1: a dword */
#define R570_REG_DATA               8
#define R570_REG_LENGTH             12
#define R570_REG_TYPE_DWORD         1

/* GET_GSP_STATIC_INFO */

#define R570_STATIC_SIZE            1656
#define R570_STATIC_REGIONS         344
#define R570_STATIC_REGION          352
#define R570_STATIC_SRIOV           1120    /* as control 0x800291 */
#define R570_STATIC_MAX_GFID        1200
#define R570_STATIC_ENGINES         1204    /* 3 words, a bit per RM type */
#define R570_STATIC_FB_LENGTH       1224    /* u64 */
#define R570_STATIC_NAME            1260    /* char[64] */
#define R570_STATIC_SHORT_NAME      1324    /* char[64] */
#define R570_STATIC_UNICODE_NAME    1388    /* u16[64] */
#define R570_STATIC_NAME_MAX        64
#define R570_STATIC_BAR1_PDB        1536    /* u64, framebuffer address */
#define R570_STATIC_BAR2_PDB        1544    /* u64 */
#define R570_STATIC_RETIREMENT      1564    /* u8 */
#define R570_STATIC_CLIENT          1600    /* and device, subdevice */
#define R570_STATIC_SELF_HOSTED     1612    /* u8 */
#define R570_STATIC_ATS             1613    /* u8 */
/* A region of the framebuffer */
#define R570_REGION                 48
#define R570_REGION_BASE            0       /* u64 */
#define R570_REGION_LIMIT           8       /* u64, inclusive */
#define R570_REGION_RESERVED        16      /* u64, bytes */
#define R570_REGION_PROTECTED       30      /* u8 */

/* UPDATE_BAR_PDE */

#define R570_BAR_PDE_SIZE           24
#define R570_BAR_PDE_BAR            0       /* 0 BAR1, 1 BAR2 */
#define R570_BAR_PDE_ENTRY          8       /* u64 */
#define R570_BAR_PDE_SHIFT          16      /* u64, 56: v3 root */

/* UNLOADING_GUEST_DRIVER */

#define R570_UNLOAD_SIZE            8
#define R570_UNLOAD_PM              0       /* u8 */
#define R570_UNLOAD_LEVEL           4

/* GSP_RM_ALLOC, FREE, GSP_RM_CONTROL */

#define R570_ALLOC_CLIENT           0
#define R570_ALLOC_PARENT           4
#define R570_ALLOC_OBJECT           8
#define R570_ALLOC_CLASS            12
#define R570_ALLOC_STATUS           16
#define R570_ALLOC_PARAMS_SIZE      20
#define R570_ALLOC_PARAMS           32

#define R570_FREE_SIZE              16
#define R570_FREE_CLIENT            0
#define R570_FREE_OBJECT            8
#define R570_FREE_STATUS            12

#define R570_CTRL_CLIENT            0
#define R570_CTRL_OBJECT            4
#define R570_CTRL_CMD               8
#define R570_CTRL_STATUS            12
#define R570_CTRL_PARAMS_SIZE       16
#define R570_CTRL_PARAMS            24

/* Payloads of events */

#define R570_POST_EVENT_SIZE        32
#define R570_POST_CLIENT            0
#define R570_POST_HANDLE            4
#define R570_POST_INDEX             8
#define R570_POST_DATA              12

#define R570_RC_SIZE                48
#define R570_RC_ENGINE              0
#define R570_RC_CHID                4
#define R570_RC_GFID                8
#define R570_RC_TYPE                16
#define R570_RC_ADDR_LO             28
#define R570_RC_ADDR_HI             32
#define R570_RC_FAULT_TYPE          36

#define R570_XID_SIZE               272
#define R570_XID_NUMBER             0
#define R570_XID_RUNLIST            4
#define R570_XID_CHID               8
#define R570_XID_TEXT               12      /* char[256] */
#define R570_XID_TEXT_MAX           256

#define R570_PRINT_ENGINE           0
#define R570_PRINT_SIZE             4
#define R570_PRINT_TEXT             8

/* What an event object can ask for */
#define R570_NOTIFY_RC_ERROR        37
#define R570_NOTIFY_ECC_DBE         112
#define R570_NOTIFY_MAX             197

/* Classes */

#define R570_CLASS_ROOT             0x0000
#define R570_CLASS_DEVICE           0x0080
#define R570_CLASS_SUBDEVICE        0x2080
#define R570_CLASS_EVENT            0x007e  /* kernel callback */
#define R570_CLASS_VASPACE          0x90f1
#define R570_CLASS_TSG              0xa06c
#define R570_CLASS_GPFIFO           0xc96f
#define R570_CLASS_COPY             0xc9b5
#define R570_CLASS_USERMODE         0xc661

#define R570_ROOT_SIZE              108     /* 120 with the last pointer */
#define R570_ROOT_SIZE_LONG         120
#define R570_DEVICE_SIZE            56
#define R570_SUBDEVICE_SIZE         4

#define R570_EVENT_SIZE             24
#define R570_EVENT_CLASS            8
#define R570_EVENT_INDEX            12

#define R570_VASPACE_SIZE           48
#define R570_VASPACE_FLAGS          4
#define R570_VASPACE_EXTERNAL       0x8     /* the host has the page tables */

#define R570_TSG_SIZE               20
#define R570_TSG_VASPACE            8
#define R570_TSG_ENGINE             12

#define R570_CHANNEL_SIZE           368
#define R570_CHANNEL_GPFIFO         8       /* u64 */
#define R570_CHANNEL_ENTRIES        16
#define R570_CHANNEL_FLAGS          20
#define R570_CHANNEL_VASPACE        28
#define R570_CHANNEL_ENGINE         128
#define R570_CHANNEL_CHID           132
#define R570_CHANNEL_INST           144     /* memory descriptors */
#define R570_CHANNEL_USERD          168
#define R570_CHANNEL_RAMFC          192
#define R570_CHANNEL_METHODS        216
#define R570_CHANNEL_NOTIFIER       248
#define R570_CHANNEL_PRIVILEGED     0x20
/* A memory descriptor */
#define R570_MEM_BASE               0       /* u64 */
#define R570_MEM_BYTES              8       /* u64 */
#define R570_MEM_SPACE              16      /* 1 system memory, 2 framebuffer */
#define R570_MEM_SYSMEM             1
#define R570_MEM_FB                 2

#define R570_COPY_SIZE              8
#define R570_COPY_ENGINE            4

#define R570_ENGINE_COPY0           0x9     /* to COPY9 */

#define R570_INST_BYTES             4096
#define R570_RAMFC_BYTES            512
#define R570_USERD_BYTES            512
#define R570_NOTIFIER_BYTES         16
#define R570_METHODS_BYTES          0x5000  /* model only */

/* Controls; the structure's size behind the number */

#define R570_GPU_GET_INFO_V2        0x20800102
#define R570_GPU_GET_INFO_SIZE      524
#define R570_GPU_INFO_MAX           65
#define R570_GPU_INFO_EGM           0x3a    /* bit 0, peer id 31:1 */
#define R570_GPU_INFO_SELF_HOSTED   0x3b

#define R570_QUERY_ECC_STATUS       0x2080012f
#define R570_ECC_SIZE               1464
#define R570_ECC_UNIT_FB            0       /* model only: the unit's place */
#define R570_ECC_ENABLED            0       /* u8: scrubbed 1, supported 2 */
#define R570_ECC_DBE                8       /* u64 */
#define R570_ECC_DBE_TOTAL          16      /* u64 */

#define R570_VMMU_SEGMENT_SIZE      0x2080017e
#define R570_VMMU_SEGMENT_SIZE_SIZE 8

#define R570_SET_NOTIFICATION       0x20800301
#define R570_SET_NOTIFICATION_SIZE  20
#define R570_NOTIFICATION_EVENT     0
#define R570_NOTIFICATION_ACTION    4       /* 0 off, 1 once, 2 each time */

#define R570_INTR_TABLE             0x20800a5c
#define R570_INTR_TABLE_SIZE        2068
#define R570_INTR_ENTRIES           4
#define R570_INTR_ENTRY             16
#define R570_INTR_MC                0       /* u16 */
#define R570_INTR_STALL             8
#define R570_INTR_NONSTALL          12
#define R570_INTR_NONE              0xffffffff

#define R570_NUM_CHANNELS           0x20800a61
#define R570_NUM_CHANNELS_SIZE      8

#define R570_HSHUB_EGM_CONFIG       0x20800a8d
#define R570_HSHUB_EGM_SIZE         4

#define R570_DEVICE_INFO_TABLE      0x20801112
#define R570_DEVICE_INFO_SIZE       3212
#define R570_DEVICE_BASE            0
#define R570_DEVICE_COUNT           4
#define R570_DEVICE_MORE            8       /* u8 */
#define R570_DEVICE_ENTRIES         12
#define R570_DEVICE_ENTRY           100     /* 16 data words, then */
#define R570_DEVICE_PBDMA           64
#define R570_DEVICE_PBDMA_FAULT     72
#define R570_DEVICE_PBDMAS          80
#define R570_DEVICE_NAME            84      /* char[16] */

#define R570_FB_GET_INFO_V2         0x20801303
#define R570_FB_GET_INFO_SIZE       460
#define R570_FB_INFO_MAX            57
#define R570_FB_INFO_BAR1           0x05    /* all in KiB */
#define R570_FB_INFO_RAM            0x07
#define R570_FB_INFO_TOTAL          0x08
#define R570_FB_INFO_HEAP           0x09
#define R570_FB_INFO_HEAP_FREE      0x16
#define R570_FB_INFO_HEAP_START     0x1e
#define R570_FB_INFO_USABLE         0x20

#define R570_OFFLINED_PAGES         0x20801348
#define R570_OFFLINED_SIZE          1040
#define R570_OFFLINED_ENTRY         16      /* page u64 in 4 KiB, source u8 */
#define R570_OFFLINED_ENTRIES       64
#define R570_OFFLINED_VALID         1024
#define R570_OFFLINED_BASE          1028
#define R570_OFFLINED_MORE          1032    /* u8 */
#define R570_OFFLINED_DBE           1
#define R570_OFFLINED_MAX           512     /* pages in all */

#define R570_CE_GET_CAPS_V2         0x20802a03
#define R570_CE_GET_CAPS_SIZE       8
#define R570_CE_METHODS_SIZE        0x20802a08
#define R570_CE_METHODS_SIZE_SIZE   4
#define R570_CE_GET_ALL_CAPS        0x20802a0a
#define R570_CE_GET_ALL_CAPS_SIZE   136
#define R570_CE_PRESENT             128     /* u64 */

#define R570_VGPU_BOOTLOAD          0x20804001
#define R570_VGPU_BOOTLOAD_SIZE     6616
#define R570_BOOTLOAD_GFID          4
#define R570_BOOTLOAD_SEGMENTS      368
#define R570_BOOTLOAD_ADDRS         376     /* u64[384] */
#define R570_BOOTLOAD_LENGTHS       3448    /* u64[384] */
#define R570_BOOTLOAD_SEGMENTS_MAX  384
#define R570_VGPU_SHUTDOWN          0x20804002
#define R570_VGPU_ADD_TYPE          0x20804003
#define R570_ADD_TYPE_DISCARD       0       /* u8 */
#define R570_ADD_TYPE_COUNT         4
#define R570_ADD_TYPE_RECORDS       8
#define R570_ADD_TYPE_RECORD        5224    /* bytes; the type at its start */
#define R570_ADD_TYPE_MAX           128
#define R570_VGPU_CLEANUP           0x20804008
#define R570_VGPU_GFID_SIZE         4

#define R570_GET_SRIOV_CAPS         0x800291
#define R570_SRIOV_CAPS_SIZE        80
#define R570_SRIOV_VFS              0
#define R570_SRIOV_OFFSET           4
#define R570_SRIOV_BAR0             16      /* u64[3], then sizes u64[3] */
#define R570_SRIOV_SIZE0            40
#define R570_SRIOV_64BIT            64      /* u8[3] */
#define R570_SRIOV_ENABLED          67      /* u8 */

#define R570_SET_PAGE_DIRECTORY     0x801813
#define R570_SET_PD_SIZE            32
#define R570_SET_PD_ADDR            0       /* u64 */
#define R570_SET_PD_FLAGS           12      /* aperture 1:0 */
#define R570_SET_PD_VASPACE         16
#define R570_UNSET_PAGE_DIRECTORY   0x801814
#define R570_UNSET_PD_SIZE          8

#define R570_TSG_SCHEDULE           0xa06c0101
#define R570_TSG_BIND               0xa06c0102
#define R570_TSG_PREEMPT            0xa06c0105
#define R570_PREEMPT_SIZE           8
#define R570_PREEMPT_MANUAL         1       /* u8 */
#define R570_PREEMPT_TIMEOUT        4       /* us */
#define R570_PREEMPT_TIMEOUT_MAX    1000000
#define R570_CHANNEL_SCHEDULE       0xa06f0103
#define R570_SCHEDULE_SIZE          2
#define R570_CHANNEL_BIND           0xa06f0104
#define R570_BIND_SIZE              4
#define R570_WORK_SUBMIT_TOKEN      0xc36f0108
#define R570_TOKEN_SIZE             4

#endif
