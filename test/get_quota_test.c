/*
 * "a10 get" on a file system that says at a close that it could not keep what
 * was written, as those of the network do: a small one of the test's own.
 */
#include "proxied.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FILES = 8,
	REQUEST_MAX = 1 << 17,
	ROOT = 1,
	FIRST = 2,
};

/* ---- the file system ------------------------------------------------------- */

static struct file {
	char name[32]; /* "": none */
	uint64_t size;
} files[FILES];

/* What is asked, and what is answered: bytes, or -errno. */
static char asked[REQUEST_MAX + 4096];
static union {
	struct fuse_init_out init;
	struct fuse_attr_out attr;
	struct fuse_write_out write;
	struct fuse_open_out open;
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} created;
} answer;

static int find(const char *name)
{
	for (int i = 0; i < FILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return i;
	return -1;
}

static struct fuse_attr attr_of(uint64_t node)
{
	struct fuse_attr attr = { .ino = node, .nlink = 1, .blksize = 4096 };

	attr.mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0644;
	if (node >= FIRST)
		attr.size = files[node - FIRST].size;
	return attr;
}

static int answer_entry(int file)
{
	answer.created.entry.nodeid = (uint64_t)file + FIRST;
	answer.created.entry.attr = attr_of((uint64_t)file + FIRST);
	return sizeof(answer.created.entry);
}

static int answer_attr(uint64_t node)
{
	answer.attr.attr = attr_of(node);
	return sizeof(answer.attr);
}

static int create(const char *name)
{
	int file = find(name);

	if (file < 0)
		file = find("");
	snprintf(files[file].name, sizeof(files[file].name), "%.31s", name);
	answer.created.open.open_flags = FOPEN_DIRECT_IO;
	return answer_entry(file) + (int)sizeof(answer.created.open);
}

static int set_attr(uint64_t node, const struct fuse_setattr_in *in)
{
	if (in->valid & FATTR_SIZE)
		files[node - FIRST].size = in->size;
	return answer_attr(node);
}

static int take_bytes(uint64_t node, const struct fuse_write_in *in)
{
	files[node - FIRST].size = in->offset + in->size;
	answer.write.size = in->size;
	return sizeof(answer.write);
}

static int init(void)
{
	answer.init.major = FUSE_KERNEL_VERSION;
	answer.init.minor = 31;
	answer.init.max_write = REQUEST_MAX;
	return sizeof(answer.init);
}

static int respond(const struct fuse_in_header *in, const void *body)
{
	switch (in->opcode) {
	case FUSE_INIT:
		return init();
	case FUSE_LOOKUP:
		return find(body) < 0 ? -ENOENT : answer_entry(find(body));
	case FUSE_GETATTR:
		return answer_attr(in->nodeid);
	case FUSE_SETATTR:
		return set_attr(in->nodeid, body);
	case FUSE_CREATE:
		return create((const char *)body +
			      sizeof(struct fuse_create_in));
	case FUSE_OPEN:
		answer.open.open_flags = FOPEN_DIRECT_IO;
		return sizeof(answer.open);
	case FUSE_WRITE:
		return take_bytes(in->nodeid, body);
	case FUSE_FLUSH: /* of what is empty there is nothing to keep */
		return files[in->nodeid - FIRST].size > 0 ? -EDQUOT : 0;
	case FUSE_RELEASE:
	case FUSE_UNLINK:
		return 0;
	default:
		return -ENOSYS;
	}
}

/* In a process of its own, until it is unmounted. */
static void serve_files(int device)
{
	const struct fuse_in_header *in = (const void *)asked;

	while (read(device, asked, sizeof(asked)) > 0) {
		struct fuse_out_header out = { .unique = in->unique };
		struct iovec parts[2] = { { &out, sizeof(out) },
					  { &answer, 0 } };
		int length;

		if (in->opcode == FUSE_FORGET ||
		    in->opcode == FUSE_BATCH_FORGET)
			continue;
		memset(&answer, 0, sizeof(answer));
		length = respond(in, in + 1);
		out.error = length < 0 ? length : 0;
		parts[1].iov_len = length < 0 ? 0 : (size_t)length;
		out.len = (uint32_t)(sizeof(out) + parts[1].iov_len);
		if (writev(device, parts, 2) < 0 && errno != ENOENT)
			_exit(1);
	}
	_exit(0);
}

/* Where the test runs from then on. */
static pid_t mount_here(void)
{
	char folder[] = "/tmp/a10-quota-XXXXXX";
	char options[96];
	pid_t pid;
	int device;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(options, sizeof(options),
		 "rootmode=40000,user_id=%u,group_id=%u,fd=", geteuid(),
		 getegid());
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
		rmdir(folder);
		SKIP("no file systems of one's own: %s", strerror(errno));
	}
	snprintf(options + strlen(options), 16, "%d", device);
	ck_assert_int_eq(mount("a10", folder, "fuse", 0, options), 0);
	pid = fork();
	if (pid == 0)
		serve_files(device);
	ck_assert_int_gt(pid, 0);
	close(device);
	ck_assert_int_eq(chdir(folder), 0);
	return pid;
}

/* ---- the test ---------------------------------------------------------------- */

TEST(what_a_close_says_of_what_was_written_is_heard)
{
	const int listener = listen_here();
	char url[64], folder[64];
	const char *const arguments[] = { "get", url, NULL };
	struct command command;
	const pid_t pid = mount_here();
	int fd;

	snprintf(url, sizeof(url), "127.0.0.1:%u/f", port_of(listener));
	command_start(&command, arguments);
	fd = accept_one(listener);
	client_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
	command_read(&command, false);
	ck_assert_msg(command_wait(&command) == 1, "%s", command.text);
	assert_said(&command, "Disk quota exceeded");
	assert_none("f");
	ck_assert_ptr_nonnull(getcwd(folder, sizeof(folder)));
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(umount2(folder, MNT_DETACH), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(rmdir(folder), 0);
	close(fd);
	close(listener);
}
