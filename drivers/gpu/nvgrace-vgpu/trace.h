/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: each message to the firmware and from it, and each event's meaning.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nvgrace_vgpu

#if !defined(NVGRACE_VGPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NVGRACE_VGPU_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

#include "rpc.h"

/**
 * nvgrace_vgpu_message - a message was queued, or read
 * @dev: the PF
 * @what: which way, and what became of it
 * @fn: function
 * @seq: sequence number of the request, 0 without reply
 * @len: bytes of payload
 * @result: status of a reply
 */
TRACE_EVENT(nvgrace_vgpu_message,
	    TP_PROTO(struct device *dev, enum nvg_rpc_what what, u32 fn, u32 seq, u32 len,
		     u32 result),

	    TP_ARGS(dev, what, fn, seq, len, result),

	    TP_STRUCT__entry(__string(dev, dev_name(dev))
			     __field(u32, what)
			     __field(u32, fn)
			     __field(u32, seq)
			     __field(u32, len)
			     __field(u32, result)),

	    TP_fast_assign(__assign_str(dev);
			   __entry->what = what;
			   __entry->fn = fn;
			   __entry->seq = seq;
			   __entry->len = len;
			   __entry->result = result;),

	    TP_printk("%s %s function=%#x seq=%u len=%u result=%#x", __get_str(dev),
		      __print_symbolic(__entry->what,
				       { NVG_RPC_SENT, "sent" },
				       { NVG_RPC_REPLY, "reply" },
				       { NVG_RPC_LATE, "late" },
				       { NVG_RPC_UNKNOWN, "unknown" },
				       { NVG_RPC_EVENT, "event" }),
		      __entry->fn, __entry->seq, __entry->len, __entry->result)
);

/**
 * nvgrace_vgpu_rc - the firmware took a channel off its engine
 * @dev: the PF
 * @gfid: function that the channel belongs to
 * @chid: its number
 * @engine_type: its engine
 * @type: what happened
 * @addr: GPU virtual address of an MMU fault
 */
TRACE_EVENT(nvgrace_vgpu_rc,
	    TP_PROTO(struct device *dev, u32 gfid, u32 chid, u32 engine_type, u32 type, u64 addr),

	    TP_ARGS(dev, gfid, chid, engine_type, type, addr),

	    TP_STRUCT__entry(__string(dev, dev_name(dev))
			     __field(u64, addr)
			     __field(u32, gfid)
			     __field(u32, chid)
			     __field(u32, engine_type)
			     __field(u32, type)),

	    TP_fast_assign(__assign_str(dev);
			   __entry->addr = addr;
			   __entry->gfid = gfid;
			   __entry->chid = chid;
			   __entry->engine_type = engine_type;
			   __entry->type = type;),

	    TP_printk("%s gfid=%u channel=%u engine=%#x type=%u addr=%#llx", __get_str(dev),
		      __entry->gfid, __entry->chid, __entry->engine_type, __entry->type,
		      __entry->addr)
);

/**
 * nvgrace_vgpu_xid - the firmware reports an error
 * @dev: the PF
 * @xid: its number
 * @chid: channel that it is about, if any
 * @text: the firmware's words
 */
TRACE_EVENT(nvgrace_vgpu_xid,
	    TP_PROTO(struct device *dev, u32 xid, u32 chid, const char *text),

	    TP_ARGS(dev, xid, chid, text),

	    TP_STRUCT__entry(__string(dev, dev_name(dev))
			     __string(text, text)
			     __field(u32, xid)
			     __field(u32, chid)),

	    TP_fast_assign(__assign_str(dev);
			   __assign_str(text);
			   __entry->xid = xid;
			   __entry->chid = chid;),

	    TP_printk("%s xid=%u channel=%u %s", __get_str(dev), __entry->xid, __entry->chid,
		      __get_str(text))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
