// SPDX-License-Identifier: GPL-2.0
/*
 * The framing of messages in 570.144, in both directions, as pure functions: records
 * into elements, elements into records, records into messages. Nothing here knows
 * what a message means, who waits for it, or where the indexes of a ring are kept.
 */
#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <asm/byteorder.h>
#else
#include <errno.h>
#include <string.h>
#endif

#include "queue.h"

#define RPC_VERSION	0x03000000U
#define RPC_SIGNATURE	0x43505256U	/* "VRPC" */
#define RPC_NO_RESULT	0xffffffffU	/* of a request */

/* 48 bytes in front of each record; the tags are of confidential computing */
struct elem_header {
	u8 auth_tag[16];
	u8 aad[16];
	__le32 checksum;
	__le32 seq;
	__le32 elem_count;
	__le32 pad;
};

/* 32 bytes behind it; length counts them, but not the element header */
struct rpc_header {
	__le32 version;
	__le32 signature;
	__le32 length;
	__le32 function;
	__le32 result;
	__le32 result_private;
	__le32 sequence;
	__le32 gfid;
};

struct record_header {
	struct elem_header elem;
	struct rpc_header rpc;
};

static_assert(sizeof(struct nvg_queue_tx) == NVG_QUEUE_RX);
static_assert(sizeof(struct elem_header) == 48);
static_assert(sizeof(struct record_header) == NVG_RECORD_HEADER);
static_assert(NVG_QUEUE_RING + NVG_QUEUE_ELEMS * NVG_ELEM_SIZE == NVG_QUEUE_SIZE);

/**
 * nvg_queue_tx_init - describe an empty queue
 * @tx: start of its header page
 */
void nvg_queue_tx_init(struct nvg_queue_tx *tx)
{
	*tx = (struct nvg_queue_tx) {
		.size = cpu_to_le32(NVG_QUEUE_SIZE),
		.msg_size = cpu_to_le32(NVG_ELEM_SIZE),
		.msg_count = cpu_to_le32(NVG_QUEUE_ELEMS),
		.flags = cpu_to_le32(1),
		.rx_offset = cpu_to_le32(NVG_QUEUE_RX),
		.entry_offset = cpu_to_le32(NVG_QUEUE_RING),
	};
}

/**
 * nvg_queue_tx_valid - does the other side have the same queue in mind?
 * @tx: copy of what it wrote
 *
 * Return: true if all but the write index are what nvg_queue_tx_init() sets.
 */
bool nvg_queue_tx_valid(const struct nvg_queue_tx *tx)
{
	struct nvg_queue_tx ours;

	nvg_queue_tx_init(&ours);
	ours.write_ptr = tx->write_ptr;
	return !memcmp(&ours, tx, sizeof(ours));
}

/**
 * nvg_queue_space - how many elements may be written
 * @wr: the writer's index, below NVG_QUEUE_ELEMS
 * @rd: the reader's index, which the firmware wrote
 *
 * Return: elements, 0 to 62, or -EPROTO if @rd is not an index.
 */
int nvg_queue_space(u32 wr, u32 rd)
{
	if (rd >= NVG_QUEUE_ELEMS)
		return -EPROTO;
	return (rd + NVG_QUEUE_ELEMS - wr - 1) % NVG_QUEUE_ELEMS;
}

/**
 * nvg_record_elems - how many elements a record takes
 * @len: bytes of payload, at most NVG_RECORD_PAYLOAD
 *
 * Return: 1 to NVG_RECORD_ELEMS.
 */
u32 nvg_record_elems(u32 len)
{
	return (NVG_RECORD_HEADER + len + NVG_ELEM_SIZE - 1) / NVG_ELEM_SIZE;
}

/* Of a record up to its last byte, with zeroes or what lies there up to a u64 */
static u32 checksum(const void *record, u32 bytes)
{
	const __le64 *word = record;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < (bytes + 7) / 8; i++)
		sum ^= le64_to_cpu(word[i]);
	return (u32)(sum >> 32) ^ (u32)sum;
}

/**
 * nvg_record_encode - build a record
 * @record: NVG_RECORD_SIZE bytes, aligned for u64
 * @fn: function
 * @seq: sequence number of the request
 * @elem_seq: number of the element
 * @payload: may be NULL if @len is 0
 * @len: bytes of it, at most NVG_RECORD_PAYLOAD
 *
 * Return: how many elements of @record are filled; the last one to its end.
 */
u32 nvg_record_encode(void *record, u32 fn, u32 seq, u32 elem_seq, const void *payload, u32 len)
{
	struct record_header *header = record;
	u32 elems = nvg_record_elems(len);
	u32 bytes = NVG_RECORD_HEADER + len;

	*header = (struct record_header) {
		.elem.seq = cpu_to_le32(elem_seq),
		.elem.elem_count = cpu_to_le32(elems),
		.rpc.version = cpu_to_le32(RPC_VERSION),
		.rpc.signature = cpu_to_le32(RPC_SIGNATURE),
		.rpc.length = cpu_to_le32(sizeof(header->rpc) + len),
		.rpc.function = cpu_to_le32(fn),
		.rpc.result = cpu_to_le32(RPC_NO_RESULT),
		.rpc.result_private = cpu_to_le32(RPC_NO_RESULT),
		.rpc.sequence = cpu_to_le32(seq),
	};
	if (len)
		memcpy(record + NVG_RECORD_HEADER, payload, len);
	memset(record + bytes, 0, elems * NVG_ELEM_SIZE - bytes);
	header->elem.checksum = cpu_to_le32(checksum(record, bytes));
	return elems;
}

/**
 * nvg_queue_put - copy a record into the ring
 * @ring: first element
 * @wr: element to write first, below NVG_QUEUE_ELEMS
 * @record: what nvg_record_encode() built
 * @elems: of it; the caller knows that there is room
 *
 * Return: the index to be published once the elements are visible.
 */
u32 nvg_queue_put(void *ring, u32 wr, const void *record, u32 elems)
{
	u32 first = min(elems, NVG_QUEUE_ELEMS - wr);

	memcpy(ring + wr * NVG_ELEM_SIZE, record, first * NVG_ELEM_SIZE);
	memcpy(ring, record + first * NVG_ELEM_SIZE, (elems - first) * NVG_ELEM_SIZE);
	return (wr + elems) % NVG_QUEUE_ELEMS;
}

/* The compiler must not read the ring again where the copy is meant: hence the barrier */
static void copy_element(struct nvg_decoder *dec, u32 i, const void *ring)
{
	memcpy(dec->buf + i * NVG_ELEM_SIZE,
	       ring + (dec->rd + i) % NVG_QUEUE_ELEMS * NVG_ELEM_SIZE, NVG_ELEM_SIZE);
	barrier();
}

static int malformed(struct nvg_decoder *dec, const char *why)
{
	dec->why = why;
	return -EPROTO;
}

/* What the first element tells of the record, as far as it makes sense by itself */
static int check_header(struct nvg_decoder *dec)
{
	const struct record_header *header = dec->buf;
	u32 length = le32_to_cpu(header->rpc.length);

	if (le32_to_cpu(header->rpc.version) != RPC_VERSION)
		return malformed(dec, "version of the RPC header");
	if (le32_to_cpu(header->rpc.signature) != RPC_SIGNATURE)
		return malformed(dec, "signature of the RPC header");
	if (length < sizeof(header->rpc) || length > NVG_RECORD_SIZE - sizeof(header->elem))
		return malformed(dec, "length in the RPC header");
	if (le32_to_cpu(header->elem.elem_count) != nvg_record_elems(length - sizeof(header->rpc)))
		return malformed(dec, "number of elements");
	if (le32_to_cpu(header->elem.seq) != dec->seq)
		return malformed(dec, "sequence number of the element");
	return 0;
}

/**
 * nvg_queue_decode - read the next record
 * @dec: where the reader is; its read index and sequence number move on with a record,
 *	and stay with anything else
 * @ring: first element, which the firmware may write to at any time
 * @wr: the writer's index, which the firmware wrote; read before any element
 * @rec: the record
 *
 * Return: 1 with a record; 0 if there is none, or only its first elements so far;
 * -EPROTO if it is malformed: @dec->why says how, and nothing behind it can be read.
 */
int nvg_queue_decode(struct nvg_decoder *dec, const void *ring, u32 wr, struct nvg_record *rec)
{
	const struct record_header *header = dec->buf;
	u32 avail, elems, bytes, i;
	int rc;

	if (wr >= NVG_QUEUE_ELEMS)
		return malformed(dec, "write index of the queue");
	avail = (wr + NVG_QUEUE_ELEMS - dec->rd) % NVG_QUEUE_ELEMS;
	if (!avail)
		return 0;

	/* Each element is copied once; from here on only the copy counts */
	copy_element(dec, 0, ring);
	rc = check_header(dec);
	if (rc)
		return rc;
	elems = le32_to_cpu(header->elem.elem_count);
	if (elems > avail)
		return 0;
	for (i = 1; i < elems; i++)
		copy_element(dec, i, ring);

	bytes = sizeof(header->elem) + le32_to_cpu(header->rpc.length);
	if (checksum(dec->buf, bytes))
		return malformed(dec, "checksum");

	*rec = (struct nvg_record) {
		.fn = le32_to_cpu(header->rpc.function),
		.seq = le32_to_cpu(header->rpc.sequence),
		.result = le32_to_cpu(header->rpc.result),
		.payload = dec->buf + NVG_RECORD_HEADER,
		.len = bytes - NVG_RECORD_HEADER,
		.elems = elems,
	};
	dec->rd = (dec->rd + elems) % NVG_QUEUE_ELEMS;
	dec->seq++;
	return 1;
}

static int bad_message(struct nvg_message *msg, const char *why)
{
	msg->why = why;
	return -EPROTO;
}

static int append(struct nvg_message *msg, const struct nvg_record *rec)
{
	bool full = rec->len == NVG_RECORD_PAYLOAD;

	if (rec->len > NVG_MESSAGE_MAX - msg->len)
		return bad_message(msg, "message too long");
	memcpy(msg->buf + msg->len, rec->payload, rec->len);
	msg->len += rec->len;
	if (full && msg->len < msg->want)
		return 0;
	/* As long as was wanted, or there is no more of it */
	msg->open = false;
	msg->tail = full;
	return 1;
}

static int add_continuation(struct nvg_message *msg, const struct nvg_record *rec)
{
	if (!msg->open && !msg->tail)
		return bad_message(msg, "continuation of nothing");
	if (rec->seq != msg->seq)
		return bad_message(msg, "continuation of another message");
	if (msg->open)
		return append(msg, rec);
	msg->tail = rec->len == NVG_RECORD_PAYLOAD;
	return 0;
}

/**
 * nvg_message_add - add a record to the message that it belongs to
 * @msg: the message; valid after 1 was returned, until the next call
 * @rec: the record
 * @want: for the first record of a message: bytes of payload that are waited for, or 0.
 *	What comes behind them in records of their own is dropped.
 *
 * Return: 1 if @msg is complete, which may be with less than @want; 0 if records are
 * missing, or @rec was dropped; -EPROTO if @rec does not fit to what came before.
 */
int nvg_message_add(struct nvg_message *msg, const struct nvg_record *rec, size_t want)
{
	if (rec->fn == NVG_FN_CONTINUATION)
		return add_continuation(msg, rec);
	if (msg->open)
		return bad_message(msg, "continuation missing");
	msg->open = true;
	msg->len = 0;
	msg->want = want;
	msg->fn = rec->fn;
	msg->seq = rec->seq;
	msg->result = rec->result;
	return append(msg, rec);
}
