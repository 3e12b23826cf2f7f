// SPDX-License-Identifier: GPL-2.0
/*
 * nvgrace-vgpu's queue.c: what is written can be read, and what a hostile firmware
 * writes cannot. The firmware's side is written here once more, from its description,
 * so that a mistake in the encoder is not repeated by the decoder.
 *
 * A record is put into a ring at its end, so that it wraps, and one thing of it is
 * changed; each check of the decoder is the only one that such a record fails.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue.h"

#define RING_SIZE	(NVG_QUEUE_ELEMS * NVG_ELEM_SIZE)
#define LAST		(NVG_QUEUE_ELEMS - 1)

/* Where the fields of a record are, in bytes */
#define CHECKSUM	32
#define ELEM_SEQ	36
#define ELEM_COUNT	40
#define PAD		44
#define VERSION		48
#define SIGNATURE	52
#define LENGTH		56
#define FUNCTION	60
#define RESULT		64
#define PRIVATE		68
#define SEQUENCE	72
#define GFID		76
#define PAYLOAD		80

unsigned int shim_warnings;

struct queue {
	struct nvg_decoder dec;
	struct nvg_record rec;
	u8 *ring;
	u8 *record;
	u64 *buf;
};

static int setup(void **state)
{
	struct queue *q = calloc(1, sizeof(*q));

	q->ring = malloc(RING_SIZE);
	q->record = aligned_alloc(8, NVG_RECORD_SIZE);
	q->buf = aligned_alloc(8, NVG_RECORD_SIZE);
	memset(q->ring, 0xa5, RING_SIZE);
	memset(q->record, 0xa5, NVG_RECORD_SIZE);
	q->dec.buf = q->buf;
	*state = q;
	return 0;
}

static int teardown(void **state)
{
	struct queue *q = *state;

	free(q->buf);
	free(q->record);
	free(q->ring);
	free(q);
	return 0;
}

static u32 get(const u8 *record, u32 offset)
{
	u32 val;

	memcpy(&val, record + offset, sizeof(val));
	return le32toh(val);
}

static void set(u8 *record, u32 offset, u32 val)
{
	val = htole32(val);
	memcpy(record + offset, &val, sizeof(val));
}

/* All u32 of a record up to its last byte, zeroes behind it: 0 if the sum is right */
static u32 fold(const u8 *record)
{
	u32 bytes = VERSION + get(record, LENGTH), sum = 0, i;

	for (i = 0; i < (bytes + 7) / 8 * 8; i += 4)
		sum ^= get(record, i);
	return sum;
}

static void sign(u8 *record)
{
	set(record, CHECKSUM, 0);
	set(record, CHECKSUM, fold(record));
}

static void fill(u8 *payload, u32 len, u32 seed)
{
	while (len--)
		*payload++ = seed = seed * 1103515245 + 12345;
}

/* A record as the firmware writes it. Return: its elements */
static u32 firmware_record(u8 *record, u32 fn, u32 seq, u32 elem_seq, u32 len)
{
	u32 elems = (PAYLOAD + len + 4095) / 4096;

	memset(record, 0, elems * 4096);
	set(record, ELEM_SEQ, elem_seq);
	set(record, ELEM_COUNT, elems);
	set(record, VERSION, 0x03000000);
	set(record, SIGNATURE, 0x43505256);
	set(record, LENGTH, 32 + len);
	set(record, FUNCTION, fn);
	set(record, SEQUENCE, seq);
	fill(record + PAYLOAD, len, fn);
	sign(record);
	return elems;
}

static u32 put(struct queue *q, u32 wr, u32 elems)
{
	u32 i;

	for (i = 0; i < elems; i++, wr = (wr + 1) % NVG_QUEUE_ELEMS)
		memcpy(q->ring + wr * 4096, q->record + i * 4096, 4096);
	return wr;
}

static int decode(struct queue *q, u32 wr)
{
	return nvg_queue_decode(&q->dec, q->ring, wr, &q->rec);
}

/* The record in q->record, at the end of the ring, is refused for this reason */
static void refused(struct queue *q, const char *why)
{
	u32 wr;

	q->dec.rd = LAST;
	q->dec.seq = 9;
	wr = put(q, LAST, NVG_RECORD_ELEMS);
	assert_int_equal(decode(q, wr), -EPROTO);
	assert_string_equal(q->dec.why, why);
	assert_int_equal(q->dec.rd, LAST);
	assert_int_equal(q->dec.seq, 9);
}

/* A record of two elements that is right, as a base for one that is not */
static void right(struct queue *q)
{
	memset(q->record, 0, NVG_RECORD_SIZE);
	firmware_record(q->record, 76, 5, 9, 5001);
	q->dec.rd = LAST;
	q->dec.seq = 9;
	assert_int_equal(decode(q, put(q, LAST, 2)), 1);
}

static void the_header_page_describes_the_queue(void **state)
{
	static const u32 words[] = { 0, 0x40000, 4096, 63, 0, 1, 32, 4096 };
	struct nvg_queue_tx tx;
	unsigned int i;

	(void)state;
	nvg_queue_tx_init(&tx);
	for (i = 0; i < 8; i++)
		assert_int_equal(get((u8 *)&tx, i * 4), words[i]);
	assert_true(nvg_queue_tx_valid(&tx));
	for (i = 0; i < 8; i++) {
		set((u8 *)&tx, i * 4, words[i] + 1);
		/* The fifth is the write index, which moves */
		assert_int_equal(nvg_queue_tx_valid(&tx), i == 4);
		set((u8 *)&tx, i * 4, words[i]);
	}
}

static void one_element_stays_free(void **state)
{
	u32 wr, rd;

	(void)state;
	for (wr = 0; wr < 63; wr++) {
		assert_int_equal(nvg_queue_space(wr, wr), 62);
		assert_int_equal(nvg_queue_space(wr, (wr + 1) % 63), 0);
		for (rd = 0; rd < 63; rd++)
			assert_in_range(nvg_queue_space(wr, rd), 0, 62);
	}
	assert_int_equal(nvg_queue_space(0, 62), 61);
	assert_int_equal(nvg_queue_space(62, 0), 0);
}

static void a_read_index_outside_is_refused(void **state)
{
	(void)state;
	assert_int_equal(nvg_queue_space(0, 63), -EPROTO);
	assert_int_equal(nvg_queue_space(62, UINT32_MAX), -EPROTO);
}

static void records_are_as_long_as_they_must(void **state)
{
	(void)state;
	assert_int_equal(nvg_record_elems(0), 1);
	assert_int_equal(nvg_record_elems(4096 - 80), 1);
	assert_int_equal(nvg_record_elems(4096 - 79), 2);
	assert_int_equal(nvg_record_elems(16 * 4096 - 80), 16);
	assert_int_equal(NVG_RECORD_PAYLOAD, 16 * 4096 - 80);
}

static void a_request_has_the_headers_of_r570(void **state)
{
	static const u32 lengths[] = { 0, 1, 7, 8, 4016, 4017, 9999, 65456 };
	struct queue *q = *state;
	u8 payload[65456];
	u32 i, j, elems;

	fill(payload, sizeof(payload), 1);
	for (i = 0; i < 8; i++) {
		u32 len = lengths[i];

		memset(q->record, 0xff, NVG_RECORD_SIZE);
		elems = nvg_record_encode(q->record, 103, 0x12345678, 77, len ? payload : NULL,
					  len);
		assert_int_equal(elems, (80 + len + 4095) / 4096);
		for (j = 0; j < 32; j++)
			assert_int_equal(q->record[j], 0);
		assert_int_equal(get(q->record, ELEM_SEQ), 77);
		assert_int_equal(get(q->record, ELEM_COUNT), elems);
		assert_int_equal(get(q->record, PAD), 0);
		assert_int_equal(get(q->record, VERSION), 0x03000000);
		assert_int_equal(get(q->record, SIGNATURE), 0x43505256);
		assert_int_equal(get(q->record, LENGTH), 32 + len);
		assert_int_equal(get(q->record, FUNCTION), 103);
		assert_int_equal(get(q->record, RESULT), 0xffffffff);
		assert_int_equal(get(q->record, PRIVATE), 0xffffffff);
		assert_int_equal(get(q->record, SEQUENCE), 0x12345678);
		assert_int_equal(get(q->record, GFID), 0);
		assert_memory_equal(q->record + PAYLOAD, payload, len);
		for (j = PAYLOAD + len; j < elems * 4096; j++)
			assert_int_equal(q->record[j], 0);
		assert_int_equal(fold(q->record), 0);
		/* Nothing beyond the last element */
		for (; j < NVG_RECORD_SIZE; j++)
			assert_int_equal(q->record[j], 0xff);
	}
}

static void a_request_wraps_at_the_end_of_the_ring(void **state)
{
	struct queue *q = *state;
	u32 wr, i;

	fill(q->record, NVG_RECORD_SIZE, 3);
	for (wr = 0; wr < 63; wr++) {
		memset(q->ring, 0xa5, RING_SIZE);
		assert_int_equal(nvg_queue_put(q->ring, wr, q->record, 16), (wr + 16) % 63);
		for (i = 0; i < 16; i++)
			assert_memory_equal(q->ring + (wr + i) % 63 * 4096, q->record + i * 4096,
					    4096);
		for (; i < 63; i++)
			assert_int_equal(q->ring[(wr + i) % 63 * 4096], 0xa5);
	}
}

static void a_record_is_read_at_any_place_of_the_ring(void **state)
{
	static const u32 lengths[] = { 0, 1, 4016, 4017, 65456 };
	struct queue *q = *state;
	u32 rd, i, elems, seq = UINT32_MAX - 100;

	q->dec.seq = seq;
	for (rd = 0; rd < 63; rd++) {
		for (i = 0; i < 5; i++) {
			elems = firmware_record(q->record, 0x1006, 42 + i, seq++, lengths[i]);
			set(q->record, RESULT, 0x56);
			sign(q->record);
			q->dec.rd = rd;
			assert_int_equal(decode(q, put(q, rd, elems)), 1);
			assert_int_equal(q->rec.fn, 0x1006);
			assert_int_equal(q->rec.seq, 42 + i);
			assert_int_equal(q->rec.result, 0x56);
			assert_int_equal(q->rec.len, lengths[i]);
			assert_int_equal(q->rec.elems, elems);
			assert_memory_equal(q->rec.payload, q->record + PAYLOAD, lengths[i]);
			assert_int_equal(q->dec.rd, (rd + elems) % 63);
			assert_int_equal(q->dec.seq, seq);
		}
	}
}

static void nothing_is_read_from_an_empty_ring(void **state)
{
	struct queue *q = *state;
	u32 rd;

	firmware_record(q->record, 76, 1, 0, 0);
	for (rd = 0; rd < 63; rd++) {
		put(q, rd, 1);
		q->dec.rd = rd;
		assert_int_equal(decode(q, rd), 0);
		assert_int_equal(q->dec.rd, rd);
		assert_int_equal(q->dec.seq, 0);
	}
}

static void half_a_record_is_waited_for(void **state)
{
	struct queue *q = *state;
	u32 elems = firmware_record(q->record, 76, 1, 0, 65456), i;

	q->dec.rd = 60;
	put(q, 60, elems);
	for (i = 1; i < elems; i++) {
		assert_int_equal(decode(q, (60 + i) % 63), 0);
		assert_int_equal(q->dec.rd, 60);
		assert_int_equal(q->dec.seq, 0);
	}
	assert_int_equal(decode(q, (60 + elems) % 63), 1);
}

static void two_records_are_read_one_by_one(void **state)
{
	struct queue *q = *state;
	u32 wr;

	wr = put(q, 0, firmware_record(q->record, 76, 1, 0, 5000));
	wr = put(q, wr, firmware_record(q->record, 10, 2, 1, 16));
	assert_int_equal(decode(q, wr), 1);
	assert_int_equal(q->rec.fn, 76);
	assert_int_equal(decode(q, wr), 1);
	assert_int_equal(q->rec.fn, 10);
	assert_int_equal(decode(q, wr), 0);
}

static void a_write_index_outside_is_refused(void **state)
{
	static const u32 bad[] = { 63, 64, 126, 0x80000000, UINT32_MAX };
	struct queue *q = *state;
	u32 i;

	right(q);
	for (i = 0; i < 5; i++) {
		q->dec.rd = LAST;
		assert_int_equal(decode(q, bad[i]), -EPROTO);
		assert_string_equal(q->dec.why, "write index of the queue");
	}
}

static void another_version_is_refused(void **state)
{
	struct queue *q = *state;

	right(q);
	set(q->record, VERSION, 0x03000001);
	sign(q->record);
	refused(q, "version of the RPC header");
}

static void a_bad_signature_is_refused(void **state)
{
	struct queue *q = *state;

	right(q);
	set(q->record, SIGNATURE, 0x43505257);
	sign(q->record);
	refused(q, "signature of the RPC header");
}

static void a_length_without_a_header_is_refused(void **state)
{
	struct queue *q = *state;

	right(q);
	/* As the number of elements has it: 47 + 48 bytes are one */
	set(q->record, LENGTH, 31);
	set(q->record, ELEM_COUNT, 1);
	sign(q->record);
	refused(q, "length in the RPC header");
	set(q->record, LENGTH, 0);
	refused(q, "length in the RPC header");
}

static void a_length_beyond_a_record_is_refused(void **state)
{
	struct queue *q = *state;

	right(q);
	/* With a number of elements that agrees, and a sum over what there is */
	set(q->record, LENGTH, 65536 - 48 + 1);
	set(q->record, ELEM_COUNT, 17);
	refused(q, "length in the RPC header");
	/* Where an addition would overflow */
	set(q->record, LENGTH, UINT32_MAX);
	set(q->record, ELEM_COUNT, 1);
	refused(q, "length in the RPC header");
	set(q->record, LENGTH, UINT32_MAX - 47);
	refused(q, "length in the RPC header");
}

static void a_number_of_elements_must_match_the_length(void **state)
{
	static const u32 bad[] = { 0, 1, 3, 16, 17, UINT32_MAX };
	struct queue *q = *state;
	u32 i;

	for (i = 0; i < 6; i++) {
		right(q);
		set(q->record, ELEM_COUNT, bad[i]);
		sign(q->record);
		refused(q, "number of elements");
	}
}

static void a_number_out_of_sequence_is_refused(void **state)
{
	static const u32 bad[] = { 8, 10, 0, UINT32_MAX };
	struct queue *q = *state;
	u32 i;

	for (i = 0; i < 4; i++) {
		right(q);
		set(q->record, ELEM_SEQ, bad[i]);
		sign(q->record);
		refused(q, "sequence number of the element");
	}
}

static void each_flipped_bit_is_noticed(void **state)
{
	struct queue *q = *state;
	u32 bit, bits = (PAYLOAD + 5001 + 7) / 8 * 64;

	right(q);
	for (bit = 0; bit < bits; bit += bit < PAYLOAD * 8 ? 1 : 61) {
		q->record[bit / 8] ^= 1 << bit % 8;
		q->dec.rd = LAST;
		q->dec.seq = 9;
		assert_int_equal(decode(q, put(q, LAST, NVG_RECORD_ELEMS)), -EPROTO);
		q->record[bit / 8] ^= 1 << bit % 8;
	}
	/* In the payload it is the checksum that notices, in the last bytes as well */
	q->record[PAYLOAD + 5000] ^= 0x80;
	refused(q, "checksum");
}

static void what_is_behind_a_record_does_not_count(void **state)
{
	struct queue *q = *state;

	right(q);
	q->record[(PAYLOAD + 5001 + 7) / 8 * 8] = 1;
	q->dec.rd = LAST;
	q->dec.seq = 9;
	assert_int_equal(decode(q, put(q, LAST, 2)), 1);
}

static void a_record_that_changes_later_stays_what_it_was(void **state)
{
	struct queue *q = *state;

	right(q);
	memset(q->ring, 0x5a, RING_SIZE);
	assert_int_equal(q->rec.len, 5001);
	assert_memory_equal(q->rec.payload, q->record + PAYLOAD, 5001);
}

/* Messages */

static struct nvg_message *new_message(void)
{
	struct nvg_message *msg = calloc(1, sizeof(*msg));

	msg->buf = malloc(NVG_MESSAGE_MAX);
	return msg;
}

static void free_message(struct nvg_message *msg)
{
	free(msg->buf);
	free(msg);
}

static int add(struct nvg_message *msg, u32 fn, u32 seq, u32 len, size_t want)
{
	static u8 payload[NVG_RECORD_PAYLOAD];
	struct nvg_record rec = {
		.fn = fn,
		.seq = seq,
		.result = 7,
		.payload = payload,
		.len = len,
	};

	fill(payload, len, len);
	return nvg_message_add(msg, &rec, want);
}

static void a_short_message_is_one_record(void **state)
{
	struct nvg_message *msg = new_message();
	u8 payload[100];

	(void)state;
	fill(payload, 100, 100);
	assert_int_equal(add(msg, 76, 3, 100, 100), 1);
	assert_int_equal(msg->fn, 76);
	assert_int_equal(msg->seq, 3);
	assert_int_equal(msg->result, 7);
	assert_int_equal(msg->len, 100);
	assert_memory_equal(msg->buf, payload, 100);
	/* Shorter than wanted is for the caller to judge: no more can come */
	assert_int_equal(add(msg, 10, 4, 16, 17), 1);
	assert_int_equal(msg->len, 16);
	assert_int_equal(add(msg, 0x1001, 0, 0, 0), 1);
	assert_int_equal(msg->len, 0);
	free_message(msg);
}

static void a_long_message_is_put_together(void **state)
{
	struct nvg_message *msg = new_message();
	size_t want = 2 * NVG_RECORD_PAYLOAD + 9;
	u8 payload[NVG_RECORD_PAYLOAD];

	(void)state;
	assert_int_equal(add(msg, 103, 3, NVG_RECORD_PAYLOAD, want), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 3, NVG_RECORD_PAYLOAD, 0), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 3, 9, 0), 1);
	assert_int_equal(msg->fn, 103);
	assert_int_equal(msg->len, want);
	fill(payload, NVG_RECORD_PAYLOAD, NVG_RECORD_PAYLOAD);
	assert_memory_equal(msg->buf, payload, NVG_RECORD_PAYLOAD);
	assert_memory_equal(msg->buf + NVG_RECORD_PAYLOAD, payload, NVG_RECORD_PAYLOAD);
	fill(payload, 9, 9);
	assert_memory_equal(msg->buf + 2 * NVG_RECORD_PAYLOAD, payload, 9);
	free_message(msg);
}

static void a_message_of_full_records_ends_as_wanted(void **state)
{
	struct nvg_message *msg = new_message();

	(void)state;
	assert_int_equal(add(msg, 103, 3, NVG_RECORD_PAYLOAD, NVG_RECORD_PAYLOAD), 1);
	assert_int_equal(add(msg, 103, 4, NVG_RECORD_PAYLOAD, 2 * NVG_RECORD_PAYLOAD), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, NVG_RECORD_PAYLOAD, 0), 1);
	assert_int_equal(msg->len, 2 * NVG_RECORD_PAYLOAD);
	free_message(msg);
}

static void a_continuation_that_ends_early_ends_the_message(void **state)
{
	struct nvg_message *msg = new_message();

	(void)state;
	assert_int_equal(add(msg, 103, 4, NVG_RECORD_PAYLOAD, 3 * NVG_RECORD_PAYLOAD), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, 100, 0), 1);
	assert_int_equal(msg->len, NVG_RECORD_PAYLOAD + 100);
	/* And nothing continues it */
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, 100, 0), -EPROTO);
	assert_string_equal(msg->why, "continuation of nothing");
	free_message(msg);
}

static void a_missing_continuation_is_noticed(void **state)
{
	struct nvg_message *msg = new_message();

	(void)state;
	assert_int_equal(add(msg, 103, 4, NVG_RECORD_PAYLOAD, NVG_RECORD_PAYLOAD + 1), 0);
	assert_int_equal(add(msg, 76, 5, 24, 24), -EPROTO);
	assert_string_equal(msg->why, "continuation missing");
	free_message(msg);
}

static void a_continuation_of_nothing_is_refused(void **state)
{
	struct nvg_message *msg = new_message();

	(void)state;
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 0, 24, 24), -EPROTO);
	assert_string_equal(msg->why, "continuation of nothing");
	assert_int_equal(add(msg, 76, 1, 24, 24), 1);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 1, 24, 24), -EPROTO);
	free_message(msg);
}

static void a_continuation_of_another_message_is_refused(void **state)
{
	struct nvg_message *msg = new_message();

	(void)state;
	assert_int_equal(add(msg, 103, 4, NVG_RECORD_PAYLOAD, NVG_RECORD_PAYLOAD + 1), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 5, 1, 0), -EPROTO);
	assert_string_equal(msg->why, "continuation of another message");
	free_message(msg);
}

static void what_nobody_wants_is_dropped(void **state)
{
	struct nvg_message *msg = new_message();

	(void)state;
	/* A reply that nobody has asked for, of three records */
	assert_int_equal(add(msg, 103, 4, NVG_RECORD_PAYLOAD, 0), 1);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, NVG_RECORD_PAYLOAD, 0), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, 1, 0), 0);
	assert_int_equal(msg->len, NVG_RECORD_PAYLOAD);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, 1, 0), -EPROTO);
	assert_int_equal(add(msg, 76, 5, 24, 24), 1);
	assert_int_equal(msg->len, 24);
	/* And its rest is of the same message, too */
	assert_int_equal(add(msg, 103, 6, NVG_RECORD_PAYLOAD, 0), 1);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 7, 1, 0), -EPROTO);
	assert_string_equal(msg->why, "continuation of another message");
	free_message(msg);
}

static void a_message_is_never_longer_than_its_buffer(void **state)
{
	struct nvg_message *msg = new_message();
	unsigned int i;

	(void)state;
	assert_int_equal(add(msg, 103, 4, NVG_RECORD_PAYLOAD, SIZE_MAX), 0);
	for (i = 1; i < NVG_MESSAGE_MAX / NVG_RECORD_PAYLOAD; i++)
		assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, NVG_RECORD_PAYLOAD, 0), 0);
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, NVG_RECORD_PAYLOAD, 0), -EPROTO);
	assert_string_equal(msg->why, "message too long");
	/* To the last byte of it */
	assert_int_equal(add(msg, NVG_FN_CONTINUATION, 4, NVG_MESSAGE_MAX % NVG_RECORD_PAYLOAD,
			     0), 1);
	assert_int_equal(msg->len, NVG_MESSAGE_MAX);
	free_message(msg);
}

static void what_is_sent_can_be_received(void **state)
{
	struct nvg_message *msg = new_message();
	struct queue *q = *state;
	u8 *payload = malloc(300000);
	u32 round, wr = 0, seq = 0;

	srandom(1);
	fill(payload, 300000, 2);
	for (round = 0; round < 300; round++) {
		size_t len = random() % (round % 3 ? 5000 : 300000), done = 0, step;
		int rc = 0;

		do {
			step = min(len - done, (size_t)NVG_RECORD_PAYLOAD);
			u32 elems = nvg_record_encode(q->record,
						      done ? NVG_FN_CONTINUATION : 76, round,
						      seq++, payload + done, step);

			assert_true(nvg_queue_space(wr, q->dec.rd) >= (int)elems);
			wr = nvg_queue_put(q->ring, wr, q->record, elems);
			done += step;
			assert_int_equal(rc, 0);
			assert_int_equal(decode(q, wr), 1);
			rc = nvg_message_add(msg, &q->rec, len);
			assert_true(rc >= 0);
		} while (done < len);
		assert_int_equal(rc, 1);
		assert_int_equal(msg->len, len);
		assert_int_equal(msg->seq, round);
		assert_memory_equal(msg->buf, payload, len);
		assert_int_equal(decode(q, wr), 0);
	}
	free(payload);
	free_message(msg);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_page_describes_the_queue),
		cmocka_unit_test(one_element_stays_free),
		cmocka_unit_test(a_read_index_outside_is_refused),
		cmocka_unit_test(records_are_as_long_as_they_must),
		TEST(a_request_has_the_headers_of_r570),
		TEST(a_request_wraps_at_the_end_of_the_ring),
		TEST(a_record_is_read_at_any_place_of_the_ring),
		TEST(nothing_is_read_from_an_empty_ring),
		TEST(half_a_record_is_waited_for),
		TEST(two_records_are_read_one_by_one),
		TEST(a_write_index_outside_is_refused),
		TEST(another_version_is_refused),
		TEST(a_bad_signature_is_refused),
		TEST(a_length_without_a_header_is_refused),
		TEST(a_length_beyond_a_record_is_refused),
		TEST(a_number_of_elements_must_match_the_length),
		TEST(a_number_out_of_sequence_is_refused),
		TEST(each_flipped_bit_is_noticed),
		TEST(what_is_behind_a_record_does_not_count),
		TEST(a_record_that_changes_later_stays_what_it_was),
		cmocka_unit_test(a_short_message_is_one_record),
		cmocka_unit_test(a_long_message_is_put_together),
		cmocka_unit_test(a_message_of_full_records_ends_as_wanted),
		cmocka_unit_test(a_continuation_that_ends_early_ends_the_message),
		cmocka_unit_test(a_missing_continuation_is_noticed),
		cmocka_unit_test(a_continuation_of_nothing_is_refused),
		cmocka_unit_test(a_continuation_of_another_message_is_refused),
		cmocka_unit_test(what_nobody_wants_is_dropped),
		cmocka_unit_test(a_message_is_never_longer_than_its_buffer),
		TEST(what_is_sent_can_be_received),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
