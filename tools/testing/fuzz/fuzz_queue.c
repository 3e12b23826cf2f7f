// SPDX-License-Identifier: GPL-2.0
/*
 * nvgrace-vgpu's queue.c, against a firmware that writes anything to the ring, and that
 * changes it while it is read. The input is a program of that firmware: whole records,
 * right or with fields changed, bytes anywhere, write indexes; and in between the driver
 * reads, as rpc.c does. With each record, it checks what rpc.c relies on.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "kernel_shim.h"

/* Memory that the firmware may change as soon as it was read */
static void *hostile_memcpy(void *to, const void *from, size_t length);
#define memcpy hostile_memcpy
#include "queue.c"
#undef memcpy

#define RING_SIZE	(NVG_QUEUE_ELEMS * NVG_ELEM_SIZE)

static struct machine {
	struct input in;
	struct nvg_decoder dec;
	struct nvg_message msg;
	uint8_t *ring, *record, *payload;
	uint64_t dirty;			/* elements of the ring that are not zero */
	uint32_t wr, elem_seq;		/* of a firmware that knows the rules */
	bool changes;			/* the ring does, while it is read */
} machine;

static void *hostile_memcpy(void *to, const void *from, size_t length)
{
	struct machine *m = &machine;
	size_t offset = (const uint8_t *)from - m->ring;

	memmove(to, from, length);
	if (m->changes && (const uint8_t *)from >= m->ring && offset < RING_SIZE) {
		for (size_t i = 0; i < length && i < 128; i++)
			m->ring[offset + i] ^= 0x55;
		m->dirty |= 1ULL << (offset / NVG_ELEM_SIZE);
	}
	return to;
}

/* XOR of all words up to the last byte of a record; ours, so nothing to be found in it */
__attribute__((no_sanitize("address", "undefined", "coverage")))
static uint32_t fold(const uint8_t *record, uint32_t bytes)
{
	const uint64_t *words = (const void *)record;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < (bytes + 7) / 8; i++)
		sum ^= words[i];
	return sum ^ sum >> 32;
}

static void sign(uint8_t *record, uint32_t bytes)
{
	uint32_t sum;

	memset(record + 32, 0, 4);
	sum = fold(record, bytes);
	memcpy(record + 32, &sum, 4);
}

/* Lengths at which something happens are more frequent than others */
static uint32_t some_length(struct input *in)
{
	uint8_t n = input_u8(in);

	if (n < 246)
		return n;
	if (n == 246)
		return input_u16(in) % (NVG_RECORD_PAYLOAD + 1);
	if (n == 247)
		return NVG_RECORD_PAYLOAD;
	return (n - 247) * NVG_ELEM_SIZE - NVG_RECORD_HEADER + (n & 1);
}

static uint32_t some_function(struct input *in)
{
	static const uint32_t functions[] = { NVG_FN_CONTINUATION, 76, 103, 0x1001, 0x1006 };
	uint8_t n = input_u8(in);

	return n < 250 ? functions[n % 5] : input_u32(in);
}

/* A record, with up to three of its words changed, before or after it was summed up */
static void write_record(struct machine *m)
{
	uint8_t how = input_u8(&m->in);
	uint32_t fn = some_function(&m->in), seq = input_u8(&m->in) % 4;
	uint32_t len = some_length(&m->in), elems, i;

	memset(m->payload, how, len);
	elems = nvg_record_encode(m->record, fn, seq, m->elem_seq, m->payload, len);
	must(elems == nvg_record_elems(len));
	for (i = 0; i < (how & 3U); i++) {
		uint32_t offset = input_u8(&m->in) % 21 * 4, value = input_u32(&m->in);

		memcpy(m->record + offset, &value, 4);
	}
	if (!(how & 4))
		sign(m->record, NVG_RECORD_HEADER + len);
	for (i = 0; i < elems; i++)
		m->dirty |= 1ULL << (m->wr + i) % NVG_QUEUE_ELEMS;
	m->wr = nvg_queue_put(m->ring, m->wr, m->record, elems);
	m->elem_seq++;
}

static void write_bytes(struct machine *m)
{
	uint32_t elem = input_u8(&m->in) % NVG_QUEUE_ELEMS, offset = input_u16(&m->in);
	uint8_t length = input_u8(&m->in);

	offset %= NVG_ELEM_SIZE - 255;
	m->dirty |= 1ULL << elem;
	input_bytes(&m->in, m->ring + elem * NVG_ELEM_SIZE + offset, length);
}

/* What was checked is what is used, although the ring has changed since */
static void check_record(struct machine *m, const struct nvg_record *rec, uint32_t rd, uint32_t wr)
{
	const uint8_t *buf = m->dec.buf;
	uint32_t word;

	must(rec->len <= NVG_RECORD_PAYLOAD);
	must(rec->elems && rec->elems <= NVG_RECORD_ELEMS);
	must(rec->elems == nvg_record_elems(rec->len));
	must(rec->elems <= (wr + NVG_QUEUE_ELEMS - rd) % NVG_QUEUE_ELEMS);
	must((const uint8_t *)rec->payload == buf + NVG_RECORD_HEADER);
	must(m->dec.rd == (rd + rec->elems) % NVG_QUEUE_ELEMS);
	memcpy(&word, buf + 56, 4);
	must(word == rec->len + 32);
	memcpy(&word, buf + 60, 4);
	must(word == rec->fn);
	memcpy(&word, buf + 72, 4);
	must(word == rec->seq);
	must(!fold(buf, NVG_RECORD_HEADER + rec->len));
}

static void check_message(struct machine *m, const struct nvg_record *rec, size_t want)
{
	struct nvg_message *msg = &m->msg;
	bool full = rec->len == NVG_RECORD_PAYLOAD, was_open = msg->open;
	size_t had = was_open ? msg->len : 0;
	int rc = nvg_message_add(msg, rec, want);

	must(rc == 0 || rc == 1 || rc == -EPROTO);
	must(msg->len <= NVG_MESSAGE_MAX);
	if (rc < 0) {
		must(msg->why);
		return;
	}
	must(rec->fn == NVG_FN_CONTINUATION || !was_open);
	if (rc) {
		must(!msg->open && msg->len == had + rec->len && msg->seq == rec->seq);
		must(msg->len >= msg->want || !full);
		must(!memcmp((uint8_t *)msg->buf + had, rec->payload, rec->len));
	} else if (msg->open) {
		must(full && msg->len == had + rec->len && msg->len < msg->want);
	} else {
		must(rec->fn == NVG_FN_CONTINUATION);
	}
}

/* Return: false if the driver reads no more */
static bool read_all(struct machine *m, uint32_t wr)
{
	static const size_t wants[] = { 0, 24, NVG_RECORD_PAYLOAD, NVG_RECORD_PAYLOAD + 1,
					3 * NVG_RECORD_PAYLOAD, NVG_MESSAGE_MAX };
	size_t want = wants[input_u8(&m->in) % 6];
	struct nvg_record rec;

	/* A message is one element at least */
	for (unsigned int i = 0; i <= NVG_QUEUE_ELEMS; i++) {
		uint32_t rd = m->dec.rd, seq = m->dec.seq;
		int rc = nvg_queue_decode(&m->dec, m->ring, wr, &rec);

		must(rc == 0 || rc == 1 || rc == -EPROTO);
		must(m->dec.rd < NVG_QUEUE_ELEMS);
		if (rc != 1) {
			must(m->dec.rd == rd && m->dec.seq == seq && (!rc || m->dec.why));
			return !rc;
		}
		must(m->dec.seq == seq + 1);
		check_record(m, &rec, rd, wr);
		check_message(m, &rec, want);
	}
	must(false);
	return false;
}

static void restart(struct machine *m)
{
	m->dec.rd = m->dec.seq = 0;
	m->wr = m->elem_seq = 0;
	m->msg.open = m->msg.tail = false;
}

static void check_space(struct machine *m)
{
	uint32_t wr = input_u8(&m->in) % NVG_QUEUE_ELEMS, rd = input_u8(&m->in);
	int space;

	if (rd == 255)
		rd = input_u32(&m->in);
	space = nvg_queue_space(wr, rd);
	must(rd < NVG_QUEUE_ELEMS ? space >= 0 && space < (int)NVG_QUEUE_ELEMS : space == -EPROTO);
}

static void step(struct machine *m)
{
	uint8_t what = input_u8(&m->in);
	bool reads = true;

	switch (what & 7) {
	case 0:
	case 1:
	case 2:
		write_record(m);
		break;
	case 3:
		write_bytes(m);
		break;
	case 4:
	case 5:
		reads = read_all(m, m->wr);
		break;
	case 6:
		m->changes = what & 0x80;
		reads = read_all(m, what & 0x40 ? input_u32(&m->in) : input_u8(&m->in) % 64);
		m->changes = false;
		break;
	case 7:
		check_space(m);
		break;
	}
	if (!reads)
		restart(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine *m = &machine;

	if (!m->ring) {
		m->ring = calloc(1, RING_SIZE);
		m->record = malloc(NVG_RECORD_SIZE);
		m->payload = malloc(NVG_RECORD_PAYLOAD);
		m->dec.buf = malloc(NVG_RECORD_SIZE);
		m->msg.buf = malloc(NVG_MESSAGE_MAX);
	}
	m->in = (struct input){ data, size };
	m->msg = (struct nvg_message){ .buf = m->msg.buf };
	restart(m);
	m->dec.rd = input_u8(&m->in) % NVG_QUEUE_ELEMS;
	m->wr = m->dec.rd;
	while (m->in.left)
		step(m);
	for (uint32_t i = 0; i < NVG_QUEUE_ELEMS; i++)
		if (m->dirty >> i & 1)
			memset(m->ring + i * NVG_ELEM_SIZE, 0, NVG_ELEM_SIZE);
	m->dirty = 0;
	return 0;
}
