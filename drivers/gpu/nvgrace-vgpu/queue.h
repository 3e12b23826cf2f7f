/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The framing of messages in 570.144: how a message lies in the ring of a queue. Pure
 * functions: no lock, no allocation and no kernel service, so that they also compile
 * for unit tests and fuzzing in userspace. Who may call, waits and is woken is rpc.c.
 *
 * A queue is a header page and a ring of 63 elements of 4 KiB. The writer's index and
 * the reader's index are of elements; equal means empty, and one element stays free.
 * A record is 1 to 16 elements: element header, RPC header, payload, zeroes. It may
 * wrap. A message is one record, or several: all but the first have the function
 * NVG_FN_CONTINUATION and the first one's sequence number, all but the last are full.
 *
 * What the firmware wrote is not trusted. It may also change while it is read: each
 * byte is read once, into memory of our own, and checked there.
 */
#ifndef NVGRACE_VGPU_QUEUE_H
#define NVGRACE_VGPU_QUEUE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "kernel_shim.h"
#endif

#define NVG_ELEM_SIZE		4096U
#define NVG_QUEUE_ELEMS		63U
#define NVG_QUEUE_SIZE		0x40000U	/* header page and ring */
#define NVG_QUEUE_RING		4096U		/* offset of the ring in a queue */
#define NVG_QUEUE_RX		32U		/* offset of the read index in a queue */

#define NVG_RECORD_ELEMS	16U
#define NVG_RECORD_SIZE		(NVG_RECORD_ELEMS * NVG_ELEM_SIZE)
#define NVG_RECORD_HEADER	80U		/* element header and RPC header */
#define NVG_RECORD_PAYLOAD	(NVG_RECORD_SIZE - NVG_RECORD_HEADER)

/* The longest message; ours and the firmware's are far shorter */
#define NVG_MESSAGE_MAX		0x100000U

#define NVG_FN_CONTINUATION	71U
#define NVG_FN_FIRST_EVENT	0x1000U

/**
 * struct nvg_queue_tx - what a writer says of its queue, at the start of the header page
 * @version: 0
 * @size: of the queue, in bytes
 * @msg_size: of an element, in bytes
 * @msg_count: elements
 * @write_ptr: element to be written next
 * @flags: bit 0: the read index is in the other queue's header page
 * @rx_offset: of the read index, in bytes
 * @entry_offset: of the ring, in bytes
 */
struct nvg_queue_tx {
	__le32 version;
	__le32 size;
	__le32 msg_size;
	__le32 msg_count;
	__le32 write_ptr;
	__le32 flags;
	__le32 rx_offset;
	__le32 entry_offset;
};

/**
 * struct nvg_record - one record, checked
 * @fn: function
 * @seq: sequence number of the request, 0 in events
 * @result: status of a reply, 0 for success
 * @payload: in the decoder's buffer, until it is used again
 * @len: bytes of payload
 * @elems: elements that it took
 */
struct nvg_record {
	u32 fn;
	u32 seq;
	u32 result;
	const void *payload;
	u32 len;
	u32 elems;
};

/**
 * struct nvg_decoder - where the reader of a queue is
 * @buf: NVG_RECORD_SIZE bytes, aligned for u64
 * @rd: element to be read next
 * @seq: number of the next element
 * @why: of the last -EPROTO, for people
 */
struct nvg_decoder {
	void *buf;
	u32 rd;
	u32 seq;
	const char *why;
};

/**
 * struct nvg_message - a message that is put together from its records
 * @buf: NVG_MESSAGE_MAX bytes
 * @len: bytes of payload in it
 * @want: bytes at which it is complete
 * @fn: function
 * @seq: sequence number of the request
 * @result: status of a reply
 * @open: records are missing
 * @tail: it was complete with a full record: records that follow are dropped
 * @why: of the last -EPROTO, for people
 */
struct nvg_message {
	void *buf;
	size_t len;
	size_t want;
	u32 fn;
	u32 seq;
	u32 result;
	bool open;
	bool tail;
	const char *why;
};

void nvg_queue_tx_init(struct nvg_queue_tx *tx);
bool nvg_queue_tx_valid(const struct nvg_queue_tx *tx);
int nvg_queue_space(u32 wr, u32 rd);

u32 nvg_record_elems(u32 len);
u32 nvg_record_encode(void *record, u32 fn, u32 seq, u32 elem_seq, const void *payload, u32 len);
u32 nvg_queue_put(void *ring, u32 wr, const void *record, u32 elems);

int nvg_queue_decode(struct nvg_decoder *dec, const void *ring, u32 wr, struct nvg_record *rec);
int nvg_message_add(struct nvg_message *msg, const struct nvg_record *rec, size_t want);

#endif
