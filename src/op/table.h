/*
 * One row per opcode: what differs between operations is said here and nowhere
 * else. Submission, a10_all, restarts, clean-up after a late success, marking
 * of memory, tracing and names read it.
 */
#ifndef OP_TABLE_H
#define OP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <a10/op.h>

/* What request.fd is. */
enum op_fd {
	FD_NONE,      /* no descriptor (or a number that is none) */
	FD_OPERAND,   /* worked on: counted, closed after */
	FD_DIRECTORY, /* where a path starts: not counted */
};

/* What a completion's res >= 0 is. */
enum op_result {
	RESULT_NOTHING,    /* 0 */
	RESULT_BYTES,      /* a count of bytes */
	RESULT_DESCRIPTOR, /* a new descriptor */
	RESULT_VALUE,      /* a number without further meaning */
	RESULT_PAIR,       /* 0, and two descriptors in what was captured */
};

/* What address is, for what may be short, restarted or marked. */
enum op_data {
	DATA_NONE,
	DATA_BUFFER,  /* address, length */
	DATA_VECTOR,  /* iovec array, length */
	DATA_HEADER,  /* struct msghdr */
	DATA_PEER,    /* a10_address of an accepted socket */
	DATA_NAME,    /* a10_address that is the output */
	DATA_STATX,   /* offset -> struct statx */
	DATA_VALUE,   /* offset, length: as many bytes as the result says */
	DATA_OPTION,  /* address3, as many bytes as the result says */
	DATA_MESSAGE, /* in a buffer of the pool: a header and what it says */
	DATA_INFO,    /* offset -> siginfo_t, or 0 */
	DATA_EVENTS,  /* struct epoll_event, as many as the result says */
};

/* What the verb must copy, for the kernel reads it later. */
enum op_capture {
	CAPTURE_NONE,
	CAPTURE_PATH,          /* address */
	CAPTURE_PATH_HOW,      /* address; offset -> struct open_how, length */
	CAPTURE_TWO_PATHS,     /* address, offset */
	CAPTURE_LINK_FILE,     /* offset; address becomes the name of fd */
	CAPTURE_ATTRIBUTE,     /* address is a name, address3 a path if any */
	CAPTURE_ATTRIBUTE_SET, /* the same; offset -> value, length */
	CAPTURE_EVENT,         /* address -> struct epoll_event, or 0 */
	CAPTURE_PAIR,          /* address: room for two descriptors */
	CAPTURE_VECTOR,        /* address -> iovec array, length */
	CAPTURE_ADDRESS,   /* address -> socket address, offset its length */
	CAPTURE_SEND_TO,   /* offset -> socket address, index its length */
	CAPTURE_HEADER,    /* address -> struct msghdr and all it names */
	CAPTURE_HEADER_IN, /* the same, lent: its results are written back */
	CAPTURE_FROM,      /* address, length; address3 -> a10_address */
	CAPTURE_POOLED, /* a header that says how much of each there may be */
	CAPTURE_OPTION, /* address3, index: a value to be set */
	CAPTURE_OPTION_GET, /* address3 if not lent: room for a number */
	CAPTURE_SPAWN,      /* address -> struct a10_process_options */
	CAPTURE_INFO,       /* offset: room for a siginfo_t */
	CAPTURE_SIGNAL,     /* address if not lent: room for a signal */
	CAPTURE_WORDS,      /* address -> struct futex_waitv, length of them */
	CAPTURE_COMMAND,    /* address, length: what a driver takes */
	CAPTURE_CELL,       /* fd is what address is to point to */
	CAPTURE_TEXT,       /* address -> text, the library's own */
	CAPTURE_ITEMS,      /* address -> bytes, length: of a channel */
};

/* Which way a descriptor must be ready after -EAGAIN. */
enum op_direction {
	READY_NEVER,
	READY_IN,
	READY_OUT
};

/* Where the request says "do not wait": such an -EAGAIN is the answer. */
enum op_nowait {
	NOWAIT_NONE,
	NOWAIT_MSG,
	NOWAIT_RWF,
	NOWAIT_ACCEPT
};

/* How the kernel is asked for many results. */
enum op_multishot {
	MULTISHOT_NEVER,
	MULTISHOT_PRIORITY, /* a bit of priority */
	MULTISHOT_LENGTH,   /* a bit of length */
	MULTISHOT_OPCODE,   /* an opcode of its own */
	MULTISHOT_LIBRARY,  /* the library repeats */
	MULTISHOT_CALL,     /* the same of a system call, see standin.c */
};

/* Where close-on-exec is said. */
enum op_cloexec {
	CLOEXEC_NONE,
	CLOEXEC_OP_FLAGS,
	CLOEXEC_OFFSET,
	CLOEXEC_HOW
};

/* What the caller lent and the library writes, or looks at, at the end. */
enum op_output {
	OUTPUT_NONE,
	OUTPUT_HEADER, /* struct msghdr, from the one captured */
	OUTPUT_PEER,   /* struct a10_address */
	OUTPUT_FROM,   /* struct a10_address, length from the header captured */
	OUTPUT_NAME,   /* struct a10_address */
	OUTPUT_PROCESS, /* struct a10_process, from what was captured */
	OUTPUT_EXIT,    /* the value is what the siginfo_t captured says */
	OUTPUT_WATCH,   /* a reference to give back */
	OUTPUT_CELL,    /* result.fd is the place captured */
	OUTPUT_OPTION,  /* the value is what the option's value is */
	OUTPUT_PAIR     /* two struct a10_fd, from the numbers captured */
};

/* What the library does itself, or first. */
enum op_own {
	OWN_NONE,
	OWN_CLOSE,
	OWN_TIMEOUT,
	OWN_LISTEN_ON,
	OWN_CONNECT_TO,
	OWN_SCOPE_WAIT,
	OWN_CANCEL_FD,
	OWN_CANCEL_ALL,
	OWN_MESSAGE_POST,
	OWN_MESSAGE_SEND,
	OWN_MESSAGE_RECEIVE,
	OWN_FD_MOVE,
	OWN_WORK,
	OWN_RESOLVE,
	OWN_SCOPE_ROOM,
	OWN_POLL_UPDATE,
	OWN_TIMER_UPDATE,
	OWN_ABOVE, /* a layer above does it: ring/above.h */
};

/* Which thread makes the system call; see work/helpers.h. */
enum op_help {
	HELP_NONE,   /* the owner: it does not wait */
	HELP_SHARED, /* it waits for a disk */
	HELP_ALONE,  /* it may wait for ever */
	HELP_STAYS,  /* its thread must not end */
	HELP_PATH,   /* it waits for a disk if address is a path of AF_UNIX */
};

/*
 * Whether its first half and res say all: the plain path. The one that has no
 * descriptor is NOP.
 */
enum op_plain {
	PLAIN_NO,
	PLAIN_ALONE,
	PLAIN_DESCRIPTOR
};

struct op_row {
	const char *name;
	uint8_t since_major; /* the first kernel that has it; 0: the library */
	uint8_t since_minor;
	uint8_t fd; /* enum op_fd ... */
	uint8_t result;
	uint8_t data;
	uint8_t capture;
	uint8_t direction;
	uint8_t nowait;
	uint8_t multishot;
	uint8_t multishot_value; /* the bit's value, or the opcode */
	uint8_t cloexec;
	uint8_t own;
	uint8_t output;
	uint8_t zero_copy; /* the opcode that does it without copying, or 0 */
	uint8_t fixed;     /* ... from a registered buffer, or 0 */
	uint8_t kernel;    /* of the library's own: what goes to the kernel */
	uint8_t plain;     /* enum op_plain */
	bool pooled;       /* the kernel can pick the buffer */
	bool partial;      /* may do less than asked: a10_all */
	bool send;         /* pieces of two in flight on one socket would mix */
	bool linked;       /* may be in a chain */
	bool written;      /* the kernel writes data, else it reads it */
	bool transient;    /* what accept(2) calls transient does not end it */
	bool sync;         /* a system call can stand in (backend sync) */
	bool borrows;      /* the kernel takes no direct one: see standin.c */
	bool second;       /* index is a descriptor too, and address3 bytes */
	uint8_t help;      /* enum op_help: of its system call */
};

#define OP_ROWS 200
/* No kernel opcode: what a10_raw brings, of which nothing is known. */
#define OP_RAW 127

extern const struct op_row op_table[OP_ROWS];

/* The opcodes that are PLAIN_DESCRIPTOR, all below 64. */
uint64_t op_plain_bits(void);
/* Never a request of the kernel's: a system call, on any kernel. */
bool op_is_call(uint32_t opcode);
/* The row of opcode; one that says nothing for what is no opcode. */
const struct op_row *op_row(uint32_t opcode);

#endif
