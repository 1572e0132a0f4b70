/*
 * nvme [CONTROLLER NAMESPACE] - asks an NVMe disk what it is, and for a block.
 *
 * Commands are handed through to the driver, past the block layer: those about the
 * disk on /dev/nvme0, those about data on /dev/ng0n1. They need 128-byte requests
 * and 32-byte completions. A value above 0 is the disk's own status.
 */
#include <a10.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define IDENTIFY   0x06
#define READ       0x02
#define NAMESPACE  0
#define CONTROLLER 1

static ssize_t hand_through(struct a10_fd fd, uint32_t kind, uint8_t opcode,
			    uint32_t namespace, uint32_t what, void *data,
			    uint32_t length)
{
	const struct nvme_uring_cmd command = {
		.opcode = opcode,
		.nsid = namespace,
		.addr = (uint64_t)(uintptr_t)data,
		.data_len = length,
		.cdw10 =
			what, /* of a read the first block, of which one is read */
	};

	return a10_await(a10_uring_cmd(fd, kind, &command, sizeof(command)));
}

static ssize_t ask(struct a10_fd controller, struct a10_fd disk, char *page)
{
	const int number = ioctl(a10_fd_number(disk), NVME_IOCTL_ID);
	const uint32_t namespace = (uint32_t)number;
	unsigned long long blocks;
	uint32_t size;
	ssize_t err;

	err = hand_through(controller, NVME_URING_CMD_ADMIN, IDENTIFY, 0,
			   CONTROLLER, page, 4096);
	if (err != 0)
		return err;
	printf("model %.40s, serial number %.20s\n", page + 24, page + 4);
	err = hand_through(controller, NVME_URING_CMD_ADMIN, IDENTIFY,
			   namespace, NAMESPACE, page, 4096);
	if (err != 0)
		return err;
	memcpy(&blocks, page, sizeof(blocks));
	size = 1u << page[128 + (page[26] & 15) * 4 + 2];
	printf("%llu blocks of %u bytes\n", blocks, size);
	err = hand_through(disk, NVME_URING_CMD_IO, READ, namespace, 0, page,
			   size);
	for (uint32_t i = 0; err == 0 && i < 16; i++)
		printf("%02x%c", page[i] & 255, i == 15 ? '\n' : ' ');
	return err;
}

static int run(void *data)
{
	char *const *paths = data;
	void *page = aligned_alloc(4096, 4096);
	struct a10_fd controller, disk;
	ssize_t err;

	err = a10_await_fd(a10_open(paths[0], O_RDWR, 0), &controller);
	if (err == 0)
		err = a10_await_fd(a10_open(paths[1], O_RDWR, 0), &disk);
	if (err == 0) {
		err = page ? ask(controller, disk, page) : -ENOMEM;
		a10_await(a10_close(disk));
	}
	a10_fd_release(controller);
	free(page);
	if (err > 0)
		fprintf(stderr, "nvme: status %#zx\n", (size_t)err);
	return err > 0 ? -EIO : (int)err;
}

int main(int argc, char **argv)
{
	char *usual[] = { "/dev/nvme0", "/dev/ng0n1" };
	const struct a10_config config = { .large_requests = A10_ON,
					   .large_completions = A10_ON };
	int err = a10_run(&config, run, argc == 3 ? argv + 1 : usual);

	if (err < 0)
		fprintf(stderr, "nvme: %s\n", strerror(-err));
	return err < 0;
}
