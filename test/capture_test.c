#include "harness.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <a10.h>

#include "op/capture.h"
#include "op/table.h"

/* What a verb does: captures what an op's request points to. */
struct shot {
	struct capture_cache cache;
	struct capture *capture;
	struct a10_request request;
	const struct op_row *row;
	int err;
};

static void shot_take(struct shot *shot, struct a10_op op)
{
	memset(shot, 0, sizeof(*shot));
	shot->row = op_row(op.request.opcode);
	shot->request = op.request;
	shot->err = capture_request(&shot->cache, shot->row, &shot->request,
				    &shot->capture);
	if (shot->err < 0)
		ck_assert_mem_eq(&shot->request, &op.request,
				 sizeof(op.request));
}

static void shot_end(struct shot *shot)
{
	capture_give(&shot->cache, shot->capture);
	capture_cache_empty(&shot->cache);
}

static int refusal(struct a10_op op)
{
	struct shot shot;

	shot_take(&shot, op);
	ck_assert_ptr_null(shot.capture);
	shot_end(&shot);
	return shot.err;
}

static void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* ---- blocks -------------------------------------------------------------- */

TEST(a_block_that_was_given_is_taken_again)
{
	struct capture_cache cache = { { NULL }, { 0 } };
	struct capture *first = capture_take(&cache, 100);
	struct capture *second = capture_take(&cache, 128);

	ck_assert_ptr_ne(first, second);
	ck_assert_uint_eq(
		(uintptr_t)capture_data(first) % _Alignof(max_align_t), 0);
	memset(capture_data(first), 1, 128);
	capture_give(&cache, first);
	ck_assert_ptr_eq(capture_take(&cache, 65), first);
	capture_give(&cache, first);
	capture_give(&cache, second);
	ck_assert_ptr_eq(capture_take(&cache, 65), second);
	ck_assert_ptr_eq(capture_take(&cache, 128), first);
	capture_give(NULL, first);
	capture_give(NULL, second);
	capture_give(&cache, NULL);
	capture_cache_empty(&cache);
}

TEST(a_cache_keeps_only_so_many_and_none_that_are_large)
{
	enum {
		COUNT = CAPTURE_KEPT + 10,
		LARGE = 64 << CAPTURE_CLASSES
	};
	struct capture_cache cache = { { NULL }, { 0 } };
	struct capture *captures[COUNT];
	struct capture *large = capture_take(&cache, LARGE);

	memset(capture_data(large), 1, LARGE);
	capture_give(&cache, large);
	for (int i = 0; i < COUNT; i++)
		captures[i] = capture_take(NULL, 8192);
	for (int i = 0; i < COUNT; i++) {
		memset(capture_data(captures[i]), i, 8192);
		capture_give(&cache, captures[i]);
	}
	for (int i = 0; i < CAPTURE_CLASSES; i++)
		ck_assert_uint_eq(cache.count[i],
				  i == CAPTURE_CLASSES - 1 ? CAPTURE_KEPT : 0);
	capture_cache_empty(&cache);
	capture_cache_empty(&cache);
	ck_assert_uint_eq(cache.count[CAPTURE_CLASSES - 1], 0);
	ck_assert_ptr_null(capture_take(&cache, SIZE_MAX - 8));
}

/* ---- paths and text ------------------------------------------------------ */

TEST(a_path_is_copied_with_its_end)
{
	char path[4097];
	struct shot shot;

	strcpy(path, "a/b");
	shot_take(&shot, a10_openat(A10_CWD, path, 0, 0));
	ck_assert_int_eq(shot.err, 0);
	ck_assert_ptr_ne(at(shot.request.address), path);
	path[0] = 'x';
	ck_assert_str_eq(at(shot.request.address), "a/b");
	shot_end(&shot);

	/* "" is a path, and with its end 4096 bytes are the longest. */
	path[0] = '\0';
	shot_take(&shot, a10_openat(A10_CWD, path, 0, 0));
	ck_assert_str_eq(at(shot.request.address), "");
	shot_end(&shot);
	memset(path, 'p', sizeof(path));
	path[4095] = '\0';
	shot_take(&shot, a10_openat(A10_CWD, path, 0, 0));
	ck_assert_int_eq(shot.err, 0);
	ck_assert_str_eq(at(shot.request.address), path);
	shot_end(&shot);
	path[4095] = 'p';
	path[4096] = '\0';
	ck_assert_int_eq(refusal(a10_openat(A10_CWD, path, 0, 0)),
			 -ENAMETOOLONG);
	ck_assert_int_eq(refusal(a10_openat(A10_CWD, NULL, 0, 0)), -EFAULT);
}

TEST(a_path_and_how_to_open_it_are_copied)
{
	struct open_how how = { .flags = 3, .mode = 5, .resolve = 7 };
	struct {
		struct open_how how;
		uint64_t newer;
	} larger = { how, 9 };
	char path[5000] = "some/path";
	struct shot shot;
	struct open_how copy;

	shot_take(&shot, a10_openat2(A10_CWD, path, &how, sizeof(how)));
	ck_assert_int_eq(shot.err, 0);
	how.flags = 99;
	path[0] = 'X';
	memcpy(&copy, at(shot.request.offset), sizeof(copy));
	ck_assert_uint_eq(copy.flags, 3);
	ck_assert_uint_eq(copy.mode, 5);
	ck_assert_uint_eq(copy.resolve, 7);
	ck_assert_uint_eq(shot.request.offset % 8, 0);
	ck_assert_str_eq(at(shot.request.address), "some/path");
	ck_assert_uint_eq(shot.request.length, sizeof(how));
	shot_end(&shot);

	shot_take(&shot,
		  a10_openat2(A10_CWD, path, &larger.how, sizeof(larger)));
	ck_assert_mem_eq(at(shot.request.offset), &larger, sizeof(larger));
	ck_assert_str_eq(at(shot.request.address), path);
	shot_end(&shot);

	ck_assert_int_eq(refusal(a10_openat2(A10_CWD, path, &how, 23)),
			 -EINVAL);
	ck_assert_int_eq(refusal(a10_openat2(A10_CWD, path, &how, 0)), -EINVAL);
	ck_assert_int_eq(refusal(a10_openat2(A10_CWD, path, &how, 4097)),
			 -E2BIG);
	ck_assert_int_eq(refusal(a10_openat2(A10_CWD, path, NULL, 24)),
			 -EFAULT);
	ck_assert_int_eq(refusal(a10_openat2(A10_CWD, NULL, &how, 24)),
			 -EFAULT);
	memset(path, 'p', sizeof(path) - 1);
	ck_assert_int_eq(refusal(a10_openat2(A10_CWD, path, &how, 24)),
			 -ENAMETOOLONG);
}

TEST(text_of_the_librarys_own_operations_is_shorter)
{
	char text[513] = "unix:/x";
	struct shot shot;

	shot_take(&shot, a10_listen_on(text, 0));
	text[0] = 'X';
	ck_assert_str_eq(at(shot.request.address), "unix:/x");
	shot_end(&shot);
	memset(text, 't', sizeof(text));
	text[511] = '\0';
	shot_take(&shot, a10_listen_on(text, 0));
	ck_assert_int_eq(shot.err, 0);
	shot_end(&shot);
	text[511] = 't';
	text[512] = '\0';
	ck_assert_int_eq(refusal(a10_listen_on(text, 0)), -EINVAL);
	ck_assert_int_eq(refusal(a10_listen_on(NULL, 0)), -EFAULT);
}

/* ---- vectors ------------------------------------------------------------- */

TEST(an_iovec_array_is_copied_but_not_what_it_points_to)
{
	char data[16];
	struct iovec iov[1025];
	struct shot shot;
	const struct iovec *copy;

	for (int i = 0; i < 1025; i++) {
		iov[i].iov_base = data;
		iov[i].iov_len = (size_t)i % 16;
	}
	shot_take(&shot, a10_readv(a10_fd_regular(0), iov, 3));
	ck_assert_int_eq(shot.err, 0);
	copy = at(shot.request.address);
	ck_assert_ptr_ne(copy, iov);
	ck_assert_mem_eq(copy, iov, 3 * sizeof(*iov));
	ck_assert_uint_eq(shot.request.length, 3);
	shot_end(&shot);

	shot_take(&shot, a10_writev(a10_fd_regular(0), iov, 1024));
	ck_assert_int_eq(shot.err, 0);
	ck_assert_mem_eq(at(shot.request.address), iov, 1024 * sizeof(*iov));
	shot_end(&shot);
	ck_assert_int_eq(refusal(a10_readv(a10_fd_regular(0), iov, 1025)),
			 -EINVAL);
	ck_assert_int_eq(refusal(a10_readv(a10_fd_regular(0), iov, SIZE_MAX)),
			 -EINVAL);
	ck_assert_int_eq(refusal(a10_readv(a10_fd_regular(0), NULL, 1)),
			 -EFAULT);
	ck_assert_int_eq(refusal(a10_readv(a10_fd_regular(0), NULL, 0)), 0);
	ck_assert_int_eq(refusal(a10_readv(a10_fd_regular(0), iov, 0)), 0);
}

/* ---- addresses ----------------------------------------------------------- */

TEST(an_address_is_copied)
{
	struct a10_address address;
	struct shot shot;

	ck_assert_int_eq(a10_address_parse("127.0.0.1:80", &address), 0);
	shot_take(&shot, a10_connect(a10_fd_regular(0), &address));
	ck_assert_int_eq(shot.err, 0);
	ck_assert_ptr_ne(at(shot.request.address), &address);
	ck_assert_mem_eq(at(shot.request.address), &address.as, address.length);
	ck_assert_uint_eq(shot.request.offset, sizeof(struct sockaddr_in));
	shot_end(&shot);

	address.length = sizeof(struct sockaddr_storage);
	shot_take(&shot, a10_bind(a10_fd_regular(0), &address));
	ck_assert_int_eq(shot.err, 0);
	shot_end(&shot);
	address.length++;
	ck_assert_int_eq(refusal(a10_bind(a10_fd_regular(0), &address)),
			 -EINVAL);
	ck_assert_int_eq(refusal(a10_op_make(A10_OPCODE_BIND, a10_fd_regular(0),
					     NULL, 0, 16, 0)),
			 -EFAULT);
}

TEST(a_send_has_the_address_the_kernel_expects_or_none)
{
	struct a10_address address;
	struct shot shot;
	struct a10_op op;
	uint16_t words[2];

	shot_take(&shot, a10_send(a10_fd_regular(0), "abc", 3, 0));
	ck_assert_int_eq(shot.err, 0);
	ck_assert_ptr_null(shot.capture);
	ck_assert_uint_eq(shot.request.offset, 0);
	ck_assert_int_eq(shot.request.index, 0);
	shot_end(&shot);

	ck_assert_int_eq(a10_address_parse("[::1]:80", &address), 0);
	op = a10_sendto(a10_fd_regular(0), "abc", 3, 0, &address);
	shot_take(&shot, op);
	ck_assert_int_eq(shot.err, 0);
	ck_assert_ptr_ne(at(shot.request.offset), &address);
	ck_assert_mem_eq(at(shot.request.offset), &address.as, address.length);
	ck_assert_uint_eq(shot.request.address, op.request.address);
	memcpy(words, &shot.request.index, sizeof(words));
	ck_assert_uint_eq(words[0], sizeof(struct sockaddr_in6));
	ck_assert_uint_eq(words[1], 0);
	shot_end(&shot);

	op.request.index = sizeof(struct sockaddr_storage) + 1;
	ck_assert_int_eq(refusal(op), -EINVAL);
	op.request.index = 0x10010;
	ck_assert_int_eq(refusal(op), -EINVAL);
	op.request.index = -1;
	ck_assert_int_eq(refusal(op), -EINVAL);
}

/* ---- headers ------------------------------------------------------------- */

struct message {
	struct msghdr header;
	struct iovec iov[2];
	char data[2][8];
	struct sockaddr_in name;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static void message_init(struct message *message)
{
	memset(message, 0, sizeof(*message));
	for (int i = 0; i < 2; i++) {
		message->iov[i].iov_base = message->data[i];
		message->iov[i].iov_len = sizeof(message->data[i]);
	}
	message->name.sin_family = AF_INET;
	message->name.sin_port = 7;
	memset(&message->control, 5, sizeof(message->control));
	message->header.msg_name = &message->name;
	message->header.msg_namelen = sizeof(message->name);
	message->header.msg_iov = message->iov;
	message->header.msg_iovlen = 2;
	message->header.msg_control = &message->control;
	message->header.msg_controllen = sizeof(message->control);
}

TEST(a_sent_header_is_copied_with_all_it_names_but_the_data)
{
	struct message message, other;
	const struct msghdr *copy;
	struct shot shot;

	message_init(&message);
	other = message;
	shot_take(&shot, a10_sendmsg(a10_fd_regular(0), &message.header, 0));
	ck_assert_int_eq(shot.err, 0);
	memset(&message.header, 0, sizeof(message.header));
	memset(message.iov, 0, sizeof(message.iov));
	memset(&message.name, 0, sizeof(message.name));
	memset(&message.control, 0, sizeof(message.control));
	copy = at(shot.request.address);
	ck_assert_uint_eq(copy->msg_iovlen, 2);
	ck_assert_ptr_eq(copy->msg_iov[0].iov_base, message.data[0]);
	ck_assert_ptr_eq(copy->msg_iov[1].iov_base, message.data[1]);
	ck_assert_mem_eq(copy->msg_name, &other.name, sizeof(other.name));
	ck_assert_uint_eq(copy->msg_namelen, sizeof(other.name));
	ck_assert_mem_eq(copy->msg_control, &other.control,
			 sizeof(other.control));
	ck_assert_uint_eq(copy->msg_controllen, sizeof(other.control));
	ck_assert_uint_eq(
		(uintptr_t)copy->msg_control % _Alignof(struct cmsghdr), 0);
	ck_assert_uint_eq(shot.request.length, 1);
	shot_end(&shot);
}

TEST(a_header_of_nothing_is_copied)
{
	struct msghdr header;
	const struct msghdr *copy;
	struct shot shot;

	memset(&header, 0, sizeof(header));
	header.msg_namelen = 12; /* of no name: sendmsg(2) forgives it */
	shot_take(&shot, a10_sendmsg(a10_fd_regular(0), &header, 0));
	ck_assert_int_eq(shot.err, 0);
	copy = at(shot.request.address);
	ck_assert_ptr_null(copy->msg_name);
	ck_assert_uint_eq(copy->msg_namelen, 0);
	ck_assert_ptr_null(copy->msg_iov);
	ck_assert_uint_eq(capture_total(shot.row, &shot.request, 1), 0);
	shot_end(&shot);
}

TEST(headers_that_cannot_be_are_refused)
{
	struct iovec iov[1025];
	struct message message;
	const struct a10_fd fd = a10_fd_regular(0);

	memset(iov, 0, sizeof(iov));
	ck_assert_int_eq(refusal(a10_sendmsg(fd, NULL, 0)), -EFAULT);
	ck_assert_int_eq(refusal(a10_recvmsg(fd, NULL, 0)), -EFAULT);
	message_init(&message);
	message.header.msg_iov = NULL;
	ck_assert_int_eq(refusal(a10_sendmsg(fd, &message.header, 0)), -EFAULT);
	ck_assert_int_eq(refusal(a10_recvmsg(fd, &message.header, 0)), -EFAULT);
	message.header.msg_iov = iov;
	message.header.msg_iovlen = 1025;
	ck_assert_int_eq(refusal(a10_sendmsg(fd, &message.header, 0)), -EINVAL);
	ck_assert_int_eq(refusal(a10_recvmsg(fd, &message.header, 0)), -EINVAL);
	message_init(&message);
	message.header.msg_control = NULL;
	ck_assert_int_eq(refusal(a10_sendmsg(fd, &message.header, 0)), -EFAULT);
	message_init(&message);
	message.header.msg_controllen = (size_t)1 << 31;
	ck_assert_int_eq(refusal(a10_sendmsg(fd, &message.header, 0)), -EINVAL);
	message_init(&message);
	message.header.msg_namelen = UINT32_MAX;
	ck_assert_int_eq(refusal(a10_sendmsg(fd, &message.header, 0)), -EINVAL);
}

/* What the kernel writes at the end of a recvmsg. */
static void received(const struct shot *shot, socklen_t name_length,
		     size_t control_length, int flags)
{
	struct msghdr *header = at(shot->request.address);

	header->msg_namelen = name_length;
	header->msg_controllen = control_length;
	header->msg_flags = flags;
}

TEST(a_received_headers_results_are_written_back)
{
	struct message message;
	const struct msghdr *copy;
	struct shot shot;

	message_init(&message);
	shot_take(&shot, a10_recvmsg(a10_fd_regular(0), &message.header, 0));
	ck_assert_int_eq(shot.err, 0);
	copy = at(shot.request.address);
	ck_assert_ptr_ne(copy, &message.header);
	ck_assert_ptr_ne(copy->msg_iov, message.iov);
	ck_assert_mem_eq(copy->msg_iov, message.iov, sizeof(message.iov));
	ck_assert_ptr_eq(copy->msg_name, &message.name);
	ck_assert_ptr_eq(copy->msg_control, &message.control);
	received(&shot, 3, 4, MSG_TRUNC);
	capture_write_back(shot.capture, &message.header);
	ck_assert_uint_eq(message.header.msg_namelen, 3);
	ck_assert_uint_eq(message.header.msg_controllen, 4);
	ck_assert_int_eq(message.header.msg_flags, MSG_TRUNC);
	ck_assert_ptr_eq(message.header.msg_iov, message.iov);
	ck_assert_uint_eq(message.header.msg_iovlen, 2);
	shot_end(&shot);
}

/* ---- going on after a short transfer ------------------------------------- */

TEST(a_plain_transfer_goes_on_behind_what_is_done)
{
	static char data[100];
	struct shot shot;

	shot_take(&shot, a10_pread(a10_fd_regular(0), data, 100, 1000));
	ck_assert_uint_eq(capture_total(shot.row, &shot.request, 100), 100);
	capture_advance(shot.row, &shot.request, 30, 70);
	ck_assert_ptr_eq(at(shot.request.address), data + 30);
	ck_assert_uint_eq(shot.request.length, 70);
	ck_assert_uint_eq(shot.request.offset, 1030);

	shot_take(&shot, a10_read(a10_fd_regular(0), data, 100));
	capture_advance(shot.row, &shot.request, 1, 99);
	ck_assert_uint_eq(shot.request.offset, UINT64_MAX);

	/* Of a send it is an address. */
	shot_take(&shot, a10_send(a10_fd_regular(0), data, 100, 0));
	shot.request.offset = 4096;
	capture_advance(shot.row, &shot.request, 40, 60);
	ck_assert_uint_eq(shot.request.offset, 4096);
	ck_assert_ptr_eq(at(shot.request.address), data + 40);
}

TEST(what_is_left_of_much_is_asked_for_as_far_as_a_request_goes)
{
	const uint64_t all = A10_LENGTH_MAX * 2 + 5;
	struct shot shot;

	shot_take(&shot, a10_pwrite(a10_fd_regular(0), NULL, (size_t)all, 0));
	ck_assert_uint_eq(shot.request.length, A10_LENGTH_MAX);
	ck_assert_uint_eq(capture_total(shot.row, &shot.request, all), all);
	capture_advance(shot.row, &shot.request, 4, all - 4);
	ck_assert_uint_eq(shot.request.length, A10_LENGTH_MAX);
	capture_advance(shot.row, &shot.request, A10_LENGTH_MAX,
			all - 4 - A10_LENGTH_MAX);
	ck_assert_uint_eq(shot.request.length, A10_LENGTH_MAX);
	capture_advance(shot.row, &shot.request, A10_LENGTH_MAX, 1);
	ck_assert_uint_eq(shot.request.length, 1);
	ck_assert_uint_eq(shot.request.offset, all - 1);
}

/* Bytes that are still to do according to a copied array, in their order. */
static void vector_is(const struct iovec *iov, size_t count, const char *data,
		      size_t length)
{
	size_t at_byte = 0;

	if (count > 0)
		ck_assert_uint_gt(iov[0].iov_len, 0);
	for (size_t i = 0; i < count; i++) {
		const char *base = iov[i].iov_base;

		for (size_t j = 0; j < iov[i].iov_len; j++)
			ck_assert_int_eq(base[j], data[at_byte++]);
	}
	ck_assert_uint_eq(at_byte, length);
}

/* Any split, with empty entries anywhere, in steps of any size. */
TEST(a_vector_goes_on_at_the_very_byte)
{
	uint64_t state = test_seed();
	char data[256];

	for (int i = 0; i < 256; i++)
		data[i] = (char)i;
	for (unsigned int round = 0; round < test_scaled(3000); round++) {
		struct iovec iov[20];
		struct msghdr header;
		struct shot vector, message;
		size_t done = 0, length = 0, count = 0;

		while (count < 20 && length < 256) {
			size_t part = test_random(&state) % 40;

			if (test_random(&state) % 3 == 0)
				part = 0;
			if (part > 256 - length)
				part = 256 - length;
			iov[count].iov_base = data + length;
			iov[count++].iov_len = part;
			length += part;
		}
		memset(&header, 0, sizeof(header));
		header.msg_iov = iov;
		header.msg_iovlen = count;
		shot_take(&vector,
			  a10_pwritev2(a10_fd_regular(0), iov, count, 50, 0));
		shot_take(&message, a10_sendmsg(a10_fd_regular(0), &header, 0));
		ck_assert_uint_eq(capture_total(vector.row, &vector.request, 0),
				  length);
		ck_assert_uint_eq(capture_total(message.row, &message.request,
						0),
				  length);
		while (done < length) {
			const struct msghdr *copy;
			size_t step = test_random(&state) % 60 + 1;

			if (step > length - done)
				step = length - done;
			done += step;
			capture_advance(vector.row, &vector.request, step,
					length - done);
			capture_advance(message.row, &message.request, step,
					length - done);
			vector_is(at(vector.request.address),
				  vector.request.length, data + done,
				  length - done);
			copy = at(message.request.address);
			vector_is(copy->msg_iov, copy->msg_iovlen, data + done,
				  length - done);
			ck_assert_uint_eq(vector.request.offset, 50 + done);
			ck_assert_uint_eq(message.request.offset, 0);
			ck_assert_uint_eq(message.request.length, 1);
		}
		ck_assert_uint_eq(vector.request.length, 0);
		shot_end(&vector);
		shot_end(&message);
	}
}

TEST(a_vector_larger_than_can_be_counted_is_so_much)
{
	struct iovec iov[3] = { { NULL, SIZE_MAX },
				{ NULL, SIZE_MAX },
				{ NULL, 1 } };
	struct shot shot;

	shot_take(&shot, a10_writev(a10_fd_regular(0), iov, 3));
	ck_assert_uint_eq(capture_total(shot.row, &shot.request, 0), INT64_MAX);
	shot_end(&shot);
}

TEST(control_data_is_sent_once_and_the_address_always)
{
	struct message message;
	const struct msghdr *copy;
	struct shot shot;

	message_init(&message);
	shot_take(&shot, a10_sendmsg(a10_fd_regular(0), &message.header, 0));
	capture_advance(shot.row, &shot.request, 10, 6);
	copy = at(shot.request.address);
	ck_assert_uint_eq(copy->msg_controllen, 0);
	ck_assert_uint_eq(copy->msg_namelen, sizeof(message.name));
	ck_assert_uint_eq(copy->msg_iovlen, 1);
	ck_assert_ptr_eq(copy->msg_iov[0].iov_base, message.data[1] + 2);
	ck_assert_uint_eq(copy->msg_iov[0].iov_len, 6);
	shot_end(&shot);
}

TEST(what_the_first_part_received_is_not_lost_by_the_second)
{
	struct message message;
	const struct msghdr *copy;
	struct shot shot;

	message_init(&message);
	shot_take(&shot, a10_recvmsg(a10_fd_regular(0), &message.header, 0));
	received(&shot, 3, 4, MSG_CTRUNC);
	capture_advance(shot.row, &shot.request, 10, 6);
	copy = at(shot.request.address);
	ck_assert_uint_eq(copy->msg_namelen, 0);
	ck_assert_ptr_null(copy->msg_name);
	ck_assert_uint_eq(copy->msg_controllen, 0);
	received(&shot, 0, 0, 0);
	capture_advance(shot.row, &shot.request, 3, 3);
	received(&shot, 0, 0, MSG_EOR);
	capture_write_back(shot.capture, &message.header);
	ck_assert_uint_eq(message.header.msg_namelen, 3);
	ck_assert_uint_eq(message.header.msg_controllen, 4);
	ck_assert_int_eq(message.header.msg_flags, MSG_CTRUNC | MSG_EOR);
	shot_end(&shot);
}

TEST(a_result_of_more_than_was_asked_for_does_no_harm)
{
	struct iovec iov = { NULL, 8 };
	struct shot shot;

	shot_take(&shot, a10_readv(a10_fd_regular(0), &iov, 1));
	capture_advance(shot.row, &shot.request, 100, 0);
	ck_assert_uint_eq(shot.request.length, 0);
	shot_end(&shot);
}
