/*
 * "a10 serve" among enemies: paths that lead out of the folder, requests that
 * are not what they should be, folders that change under its hands, and more
 * clients than it has memory for.
 */
#include "web.h"

#include "corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- paths -------------------------------------------------------------- */

/* Each of them must be 400, 403 or 404, and say nothing of what is outside. */
static const char *const tricks[] = {
	/* Up, written out and encoded, once and twice, whole and in parts. */
	"/..",
	"/../",
	"/../secret",
	"/../../secret",
	"/../../../../etc/passwd",
	"/../../../../../../../../../../../../etc/passwd",
	"/sub/..",
	"/sub/../",
	"/sub/../../secret",
	"/sub/../hello.txt",
	"/sub/page.html/../../hello.txt",
	"/none/../hello.txt",
	"/./../secret",
	"/.//../secret",
	"//../secret",
	"///..//secret",
	"/..//secret",
	"/.../secret",
	"/..../secret",
	"/.. /secret",
	"/..%20/secret",
	"/%20../secret",
	"/%2e%2e",
	"/%2e%2e/",
	"/%2e%2e/secret",
	"/%2E%2E/secret",
	"/%2E%2e/secret",
	"/.%2e/secret",
	"/%2e./secret",
	"/sub/%2e%2e/",
	"/sub/%2e%2e/%2e%2e/secret",
	"/sub/.%2e/.%2e/secret",
	"/%2e%2e%2fsecret",
	"/..%2fsecret",
	"/..%2Fsecret",
	"/..%2f..%2fetc%2fpasswd",
	"/sub%2f..%2f..%2fsecret",
	"/sub%2fpage.html",
	"/%2f",
	"/%2fetc%2fpasswd",
	"/%2f%2fetc/passwd",
	"/%252e%252e/secret",
	"/%252e%252e%252fsecret",
	"/%25252e%25252e/secret",
	"/..%252fsecret",
	"/%%32%65%%32%65/secret",
	"/%2%65%2%65/secret",
	/* In encodings that others would fold. */
	"/%c0%ae%c0%ae/secret",
	"/%c0%ae%c0%ae%c0%afsecret",
	"/..%c0%afsecret",
	"/..%c1%9csecret",
	"/..%e0%80%afsecret",
	"/%e0%80%ae%e0%80%ae/secret",
	"/..%f0%80%80%afsecret",
	"/%ef%bc%8e%ef%bc%8e/secret",
	"/..%ef%bc%8fsecret",
	"/%uff0e%uff0e/secret",
	"/%u002e%u002e/secret",
	"/..%u2215secret",
	"/..%25c0%25afsecret",
	/* What separates elsewhere. */
	"/..\\secret",
	"/..%5csecret",
	"/..%5C..%5Csecret",
	"/..%255csecret",
	"/sub\\..\\..\\secret",
	"/..;/secret",
	"/..;a=b/secret",
	"/sub/..;/..;/secret",
	"/..:/secret",
	"/C:/secret",
	"/c:\\secret",
	"/file:///etc/passwd",
	"/~/secret",
	"/~root/",
	"/$HOME/secret",
	"/`pwd`/secret",
	/* NULs and other controls, encoded. */
	"/%00",
	"/%00/",
	"/hello.txt%00",
	"/hello.txt%00.html",
	"/%00/../secret",
	"/..%00/secret",
	"/../secret%00.html",
	"/sub/%00",
	"/hello.txt%0a",
	"/hello.txt%0d%0aSet-Cookie:a=b",
	"/%0a/etc/passwd",
	"/hello.txt%20",
	"/hello.txt.",
	"/hello.txt::$DATA",
	/* Escapes that are none. */
	"/%",
	"/%2",
	"/%zz",
	"/%2g",
	"/%-1",
	"/%+2e",
	"/hello.txt%",
	/* Absolute ones. */
	"/etc/passwd",
	"//etc/passwd",
	"///etc/passwd",
	"/./etc/passwd",
	"/proc/self/environ",
	"/proc/self/root/etc/passwd",
	"/proc/self/cwd/../secret",
	"/dev/stdin",
	"/dev/fd/0",
	"http://a/../secret",
	"http://a//../secret",
	"http://a/..%2fsecret",
	"http://a/etc/passwd",
	"http:///../secret",
	/* Links. */
	"/list/outside",
	"/list/outside/",
	"/list/absolute",
	"/list/absolute/",
	"/up/",
	"/up/secret",
	"/up/folder/hello.txt",
	"/up/folder/up/secret",
	"/up/../secret",
	"/list/upper/",
	"/list/upper/secret",
	"/list/upper/etc/passwd",
	"/links/loop",
	"/links/loop/",
	"/links/proc",
	"/links/proc/secret",
	"/links/fd/0",
	"/links/back/up/secret",
	"/links/chain",
	/* Hidden ones, and what is no file. */
	"/.hidden",
	"/.hidden/",
	"/%2ehidden",
	"/./.hidden",
	"/list/.dot",
	"/list/%2edot",
	"/list/./.dot",
	"/.git/config",
	"/.well-known/a10/stats",
	"/hello.txt/",
	"/hello.txt/.",
	"/hello.txt/..",
	"/hello.txt/../../secret",
	"/hello.txt/hello.txt",
	"/empty/",
	"/fifo",
	"/fifo/",
	"/socket",
	/* Queries and fragments are no part of it. */
	"/..?/secret",
	"/../secret?",
	"/../secret#",
	"/none?../../secret",
	"/none?/hello.txt",
};

/* Links that lead out by more than one step, in circles, and by /proc. */
static void put_links(void)
{
	ck_assert_int_eq(mkdir("links", 0755), 0);
	ck_assert_int_eq(symlink("loop", "links/loop"), 0);
	ck_assert_int_eq(symlink("/proc/self/cwd/..", "links/proc"), 0);
	ck_assert_int_eq(symlink("/proc/self/fd", "links/fd"), 0);
	ck_assert_int_eq(symlink("..", "links/back"), 0);
	ck_assert_int_eq(symlink("chain2", "links/chain"), 0);
	ck_assert_int_eq(symlink("back/up/secret", "links/chain2"), 0);
	ck_assert_int_eq(mknod("socket", S_IFSOCK | 0644, 0), 0);
}

/* On one connection, as long as it lasts. */
static void assert_trick(const struct server *server, int *fd, const char *path)
{
	struct answer answer;
	char text[1024];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", path);
	if (*fd < 0)
		*fd = client_dial(server);
	client_say(*fd, text);
	client_hear(*fd, &answer);
	ck_assert_msg(answer.status == 400 || answer.status == 403 ||
			      answer.status == 404,
		      "%s: %d", path, answer.status);
	ck_assert_msg(strstr(answer.body, "SECRET") == NULL &&
			      strstr(answer.body, "HIDDEN") == NULL &&
			      strstr(answer.body, "root:") == NULL,
		      "%s: %s", path, answer.body);
	if (answer_header(&answer, "Connection") != NULL) {
		close(*fd);
		*fd = -1;
	}
	free(answer.body);
}

TEST(no_path_leads_out_of_the_folder)
{
	const size_t count = sizeof(tricks) / sizeof(*tricks);
	struct server server;
	int fd = -1;

	ck_assert_uint_ge(count, 100);
	server_start(&server, NULL, NULL);
	put_links();
	for (size_t i = 0; i < count; i++)
		assert_trick(&server, &fd, tricks[i]);
	if (fd >= 0)
		close(fd);
	assert_body(&server, "/hello.txt", "hello\n");
	assert_body(&server, "/links/back/hello.txt", "hello\n");
	server_end(&server);
}

TEST(no_path_leads_out_of_the_folder_if_hidden_ones_are_served)
{
	struct server server;
	int fd = -1;

	server_start(&server, "--hidden", NULL);
	put_links();
	for (size_t i = 0; i < sizeof(tricks) / sizeof(*tricks); i++) {
		if (strstr(tricks[i], "hidden") == NULL &&
		    strstr(tricks[i], "dot") == NULL)
			assert_trick(&server, &fd, tricks[i]);
	}
	if (fd >= 0)
		server_leave(&server, fd);
}

/* ---- requests ----------------------------------------------------------- */

static char sent_bytes[CORPUS_LENGTH_MAX];
static char heard[CORPUS_LENGTH_MAX];

/* Sends that, and that there is no more; hears all until the end. */
static size_t exchange(const struct server *server, size_t length, size_t piece)
{
	const int fd = client_dial(server);
	size_t used = 0;
	ssize_t got;

	/* The server may have heard enough before it has heard all. */
	while (used < length) {
		const size_t left = length - used;
		const ssize_t sent =
			send(fd, sent_bytes + used, left < piece ? left : piece,
			     MSG_NOSIGNAL);

		if (sent < 0)
			break;
		used += (size_t)sent;
	}
	shutdown(fd, SHUT_WR);
	used = 0;
	while (used < sizeof(heard) - 1 &&
	       (got = recv(fd, heard + used, sizeof(heard) - 1 - used, 0)) > 0)
		used += (size_t)got;
	heard[used] = '\0';
	close(fd);
	return used;
}

/* The answers to it, each found by what it says of its length. */
static void assert_answers(const struct corpus_entry *entry)
{
	const char *text = heard;

	for (const int *status = entry->statuses; *status != 0; status++) {
		const char *length = strstr(text, "\r\nContent-Length: ");
		const char *end = strstr(text, "\r\n\r\n");

		ck_assert_msg(strncmp(text, "HTTP/1.1 ", 9) == 0 &&
				      strtol(text + 9, NULL, 10) == *status,
			      "%.60s: %.60s, not %d", entry->bytes, text,
			      *status);
		ck_assert_ptr_nonnull(end);
		text = end + 4;
		if (length != NULL && length < end &&
		    strncmp(entry->bytes, "HEAD", 4) != 0)
			text += strtoul(length + 18, NULL, 10);
	}
	ck_assert_msg(text[0] == '\0', "%.60s: and also %.60s", entry->bytes,
		      text);
}

TEST(whatever_is_sent_is_answered_as_it_should_be)
{
	struct server server;

	server_start(&server, NULL, NULL);
	for (size_t i = 0; i < corpus_count; i++) {
		const size_t length = corpus_write(&corpus[i], sent_bytes);

		exchange(&server, length, length);
		assert_answers(&corpus[i]);
		exchange(&server, length, length / 3 + 1);
		assert_answers(&corpus[i]);
	}
	assert_body(&server, "/hello.txt", "hello\n");
	server_end(&server);
}

/* Some bytes of it are other ones. */
static void mutate(size_t length, uint64_t *state)
{
	uint64_t count = 1 + test_random(state) % 4;

	while (length > 0 && count-- > 0)
		sent_bytes[test_random(state) % length] =
			(char)(test_random(state) & 0xff);
}

TEST(requests_with_mistakes_leave_no_trace)
{
	uint64_t state = test_seed();
	struct server server;

	server_start(&server, "--hidden", NULL);
	for (unsigned int i = 0; i < test_scaled(1000); i++) {
		const size_t length = corpus_write(
			&corpus[test_random(&state) % corpus_count],
			sent_bytes);

		mutate(length, &state);
		if (exchange(&server, length, length) > 0)
			ck_assert_msg(strncmp(heard, "HTTP/1.1 ", 9) == 0,
				      "%.60s", heard);
		ck_assert_ptr_null(strstr(heard, "SECRET"));
		ck_assert_ptr_null(strstr(heard, " 500 "));
	}
	assert_body(&server, "/hello.txt", "hello\n");
	server_end(&server);
}

/* ---- races -------------------------------------------------------------- */

/* A folder and a link that leads out change places, again and again. */
static pid_t start_swapping(void)
{
	pid_t pid;

	ck_assert_int_eq(mkdir("swap", 0755), 0);
	put("swap/secret", "inside");
	ck_assert_int_eq(symlink("..", "swapped"), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			renameat2(AT_FDCWD, "swap", AT_FDCWD, "swapped",
				  RENAME_EXCHANGE);
	}
	return pid;
}

TEST(a_folder_swapped_for_a_link_lets_nobody_out)
{
	static const char *const asked[] = {
		"GET /swap/secret HTTP/1.1\r\n" HOST "\r\n",
		"GET /swap/ HTTP/1.1\r\n" HOST "\r\n",
		"GET /swapped/folder/swap/secret HTTP/1.1\r\n" HOST "\r\n",
		"GET /list/inside HTTP/1.1\r\n" HOST "\r\n",
	};
	const double until = now() + test_slowed(8);
	unsigned int inside = 0;
	unsigned int outside = 0;
	struct server server;
	struct answer answer;
	pid_t swapping;
	int fd;

	server_start(&server, NULL, NULL);
	swapping = start_swapping();
	fd = client_dial(&server);
	for (unsigned int i = 0;
	     i < test_scaled(1600) ||
	     ((inside == 0 || outside == 0) && now() < until);
	     i++) {
		client_say(fd, asked[i % 4]);
		client_hear(fd, &answer);
		ck_assert_int_ne(answer.status, 500);
		ck_assert_ptr_null(strstr(answer.body, "SECRET"));
		/* Of the listing: what lies beside the folder. */
		ck_assert_ptr_null(strstr(answer.body, "href=\"folder/\""));
		inside += strcmp(answer.body, "inside") == 0;
		outside += i % 4 == 0 && answer.status == 403;
		free(answer.body);
	}
	close(fd);
	kill(swapping, SIGKILL);
	ck_assert_int_eq(waitpid(swapping, NULL, 0), swapping);
	printf("%u times it was the folder, %u times the link\n", inside,
	       outside);
	/* Or it has shown nothing. */
	ck_assert_uint_gt(inside, 0);
	ck_assert_uint_gt(outside, 0);
	server_end(&server);
}

/* ---- idle clients ------------------------------------------------------- */

static void ask_hello(int fd)
{
	struct answer answer;

	client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n");
	client_hear(fd, &answer);
	ck_assert_str_eq(answer.body, "hello\n");
	free(answer.body);
}

/* As many as that, as far as this machine lets us. */
static unsigned int raise_limit(unsigned int wanted)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* The server takes some for itself. */
	if (limit.rlim_max < wanted + 2000)
		wanted = limit.rlim_max > 4000 ?
				 (unsigned int)limit.rlim_max - 2000 :
				 0;
	return wanted;
}

TEST(fifteen_thousand_idle_connections_are_held)
{
	const unsigned int count = raise_limit(test_scaled(15000));
	static int fds[15000];
	struct server server;
	char most[16];
	long before;
	long held;

	if (count == 0 || count > 15000)
		SKIP("the limit of descriptors is too low, or the scale high");
	snprintf(most, sizeof(most), "%u", count);
	server_start(&server, "--connections", most);
	assert_body(&server, "/hello.txt", "hello\n");
	before = resident_kib(&server);
	for (unsigned int i = 0; i < count; i++)
		fds[i] = client_dial(&server);
	ask_hello(fds[0]);
	ask_hello(fds[count - 1]);
	held = resident_kib(&server) - before;
	printf("%u idle connections: %ld bytes each\n", count,
	       held * 1024 / (long)count);
	/* Under a sanitizer or valgrind memory is not what it is. */
	if (getenv("A10_TEST_SLOW") == NULL && count > 5000)
		ck_assert_int_lt(held * 1024 / (long)count, 1024);
	for (unsigned int i = 0; i < count; i += 97)
		ask_hello(fds[i]);
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	assert_body(&server, "/hello.txt", "hello\n");
	server_end(&server);
}

/* What the server keeps for the next, some MiB, is not theirs. */
TEST(idle_connections_that_have_asked_take_no_more_than_others)
{
	const unsigned int count = raise_limit(3000);
	static int fds[3000];
	struct server server;
	long before;
	long each;

	if (count == 0)
		SKIP("the limit of descriptors is too low");
	server_start(&server, "--connections", "3000");
	assert_body(&server, "/hello.txt", "hello\n");
	before = resident_kib(&server);
	for (unsigned int i = 0; i < count; i++) {
		fds[i] = client_dial(&server);
		ask_hello(fds[i]);
	}
	each = (resident_kib(&server) - before) * 1024 / (long)count;
	printf("%u that have asked: %ld bytes each\n", count, each);
	if (getenv("A10_TEST_SLOW") == NULL && count == 3000)
		ck_assert_int_lt(each, 4 * 1024);
	for (unsigned int i = 0; i < count; i += 7) {
		ask_hello(fds[i]);
		ask_hello(fds[i]);
	}
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	server_end(&server);
}
