/*
 * What the caller lent and the library writes when an operation is over. Of a
 * result nobody wants, the descriptors that are in there are closed.
 */
#include "base/memory.h"
#include "fd/registry.h"
#include "ring/life.h"
#include "watch/watch.h"
#include "work/reap.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <a10/process.h>
#include <a10/sockopt.h>

#include "op/spawn.h"

/* Descriptors that came as control data. */
void rights_close(const struct msghdr *header)
{
	struct msghdr *lent = (struct msghdr *)(uintptr_t)header;
	struct cmsghdr *part;

	if (!header->msg_control)
		return;
	memory_written(header->msg_control, header->msg_controllen);
	for (part = CMSG_FIRSTHDR(lent); part; part = CMSG_NXTHDR(lent, part)) {
		size_t size = part->cmsg_len - CMSG_LEN(0);
		int number;

		if (part->cmsg_level != SOL_SOCKET ||
		    part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(number) <= size;
		     at += sizeof(number)) {
			memcpy(&number, CMSG_DATA(part) + at, sizeof(number));
			close(number);
		}
	}
}

static void pair_end(struct a10_ring *ring, const struct cold *cold,
		     bool wanted)
{
	const int32_t *numbers = capture_data(cold->captured);
	struct a10_fd *fds = cold->output, fd;

	memory_written(numbers, 2 * sizeof(*numbers));
	for (int i = 0; i < 2; i++) {
		fd = a10_fd_regular(numbers[i]);
		if (cold->flags & A10_WITH_DIRECT)
			fd.ring = ring->sq.number;
		if (wanted)
			fds[i] = fd;
		else
			descriptor_drop(ring, fd);
	}
}

static void from_end(const struct cold *cold)
{
	const struct msghdr *header = capture_data(cold->captured);
	struct a10_address *peer = cold->output;

	memory_written(&header->msg_namelen, sizeof(header->msg_namelen));
	peer->length = header->msg_namelen;
	if (peer->length > sizeof(peer->as))
		peer->length = sizeof(peer->as);
}

/* The kernel says how many it has put into the table, and where. */
static void cell_end(struct a10_ring *ring, const struct slot *slot,
		     struct a10_result *r)
{
	const int32_t *cell =
		capture_data(cold_at(ring, slot_index(slot))->captured);

	if (r->value < 0)
		return;
	memory_written(cell, sizeof(*cell));
	r->value = 0;
	r->count = 0;
	if (slot->opcode != A10_OPCODE_FD_REGISTER)
		return;
	r->fd.plus_one = *cell + 1;
	r->fd.ring = ring->sq.number;
}

static void process_end(struct a10_ring *ring, const struct cold *cold,
			bool wanted)
{
	const struct spawn *spawn = capture_data(cold->captured);
	struct a10_process *process = cold->output;
	struct a10_fd fds[4] = { a10_fd_regular(spawn->pidfd),
				 a10_fd_regular(spawn->ends[0]),
				 a10_fd_regular(spawn->ends[1]),
				 a10_fd_regular(spawn->ends[2]) };

	if (wanted) {
		memset(process, 0, sizeof(*process));
		process->pid = spawn->pid;
		process->pidfd = fds[0];
		process->in = fds[1];
		process->out = fds[2];
		process->err = fds[3];
		return;
	}
	for (int i = 1; i < 4; i++)
		if (a10_fd_valid(fds[i]))
			descriptor_drop(ring, fds[i]);
	child_reap(spawn->pid, spawn->pidfd);
}

static void exit_end(const struct cold *cold, struct a10_result *r)
{
	const siginfo_t *info = capture_data(cold->captured);

	if (r->value < 0)
		return;
	r->value = info->si_code == CLD_EXITED ?
			   info->si_status & 255 :
			   A10_PROCESS_SIGNALLED + info->si_status;
}

/* The number itself, if that is what was asked for. */
static void option_end(const struct cold *cold, struct a10_result *r)
{
	int32_t number = 0;

	if (r->value < 0 || cold->argument[1] == A10_SOCKOPT_BYTES)
		return;
	memcpy(&number, capture_data(cold->captured), sizeof(number));
	r->value = number;
	if (cold->argument[1] == A10_SOCKOPT_CPU && number < 0)
		r->value = -ENODATA;
	r->count = 0;
}

static void watch_end(const struct slot *slot, struct a10_watch *watch)
{
	if (watch->reader == id_plain(slot->id))
		watch->reader = 0;
	watch_unref(watch);
}

void output_end(struct a10_ring *ring, const struct slot *slot,
		struct a10_result *r)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));
	const bool wanted = slot->done && !(slot->marks & MARK_DETACH);

	switch ((enum op_output)op_row(slot->opcode)->output) {
	case OUTPUT_HEADER:
		if (cold->flags & COLD_STRANDED)
			break;
		capture_write_back(cold->captured, cold->output);
		if (!wanted && r->value >= 0)
			rights_close(cold->output);
		break;
	case OUTPUT_PAIR:
		if (r->value >= 0)
			pair_end(ring, cold, wanted);
		else
			pair_close(ring, capture_data(cold->captured));
		break;
	case OUTPUT_PROCESS:
		if (r->value >= 0)
			process_end(ring, cold, wanted);
		break;
	case OUTPUT_EXIT:
		exit_end(cold, r);
		break;
	case OUTPUT_WATCH:
		watch_end(slot, cold->output);
		break;
	case OUTPUT_CELL:
		cell_end(ring, slot, r);
		break;
	case OUTPUT_FROM:
		if (r->value >= 0 && !(cold->flags & COLD_STRANDED))
			from_end(cold);
		break;
	case OUTPUT_OPTION:
		option_end(cold, r);
		break;
	case OUTPUT_NAME:
	case OUTPUT_PEER: /* the kernel wrote it where it is */
	case OUTPUT_NONE:
		break;
	}
}
