/*
 * http.c - a web server that gives out one file, measured by wrk.
 *
 * Both servers are programs of their own, on the server's CPU, with a folder
 * made for the measurement; wrk is on the client's. Requests per second tell
 * as much of wrk as of the server, so the figure that counts is how many there
 * are to a second of the server's CPU.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NGINX        "/usr/sbin/nginx"
#define FOLDER_SIZE  32
#define PATH_SIZE    (FOLDER_SIZE + 32)
#define OUTPUT_SIZE  65536
#define STOP_SECONDS 5
#define READY_TRIES  500
#define WARM_UP      "1s"
#define PATIENCE     "30s"

static const struct timespec a_moment = { .tv_nsec = 10000000 };

/* A folder with www/file in it, and a server of www. */
struct site {
	char folder[FOLDER_SIZE];
	uint16_t port;
	pid_t server; /* who is started and ended */
	pid_t worker; /* whose time is measured */
};

/* ---- the folder ----------------------------------------------------------- */

static int file_write(const char *folder, const char *name, const void *bytes,
		      size_t length)
{
	char path[PATH_SIZE];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	n = write(fd, bytes, length);
	close(fd);
	return n == (ssize_t)length ? 0 : -ENOSPC;
}

static int folder_make(struct site *site, uint32_t file_size)
{
	char path[PATH_SIZE];
	char *content;
	int err;

	snprintf(site->folder, sizeof(site->folder), "/tmp/a10-http-XXXXXX");
	if (!mkdtemp(site->folder))
		return -errno;
	snprintf(path, sizeof(path), "%s/www", site->folder);
	if (mkdir(path, 0755) < 0)
		return -errno;
	content = malloc(file_size);
	if (!content)
		return -ENOMEM;
	memset(content, 'a', file_size);
	err = file_write(site->folder, "www/file", content, file_size);
	free(content);
	return err;
}

/* What a measurement puts there, and nothing else. */
static void folder_remove(const struct site *site)
{
	static const char *const names[] = { "www/file", "www",       "conf",
					     "pid",      "error.log", "body",
					     "proxy",    "fastcgi",   "uwsgi",
					     "scgi" };
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", site->folder, names[i]);
		remove(path);
	}
	rmdir(site->folder);
}

/* Which of the three programs it is that there is not. */
static int missing(const char *name)
{
	fprintf(stderr, "a10-bench: no %s\n", name);
	return -ENOPKG;
}

/* ---- the server ----------------------------------------------------------- */

/* One that is free now; the server takes it a moment later. */
static int port_choose(uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t length = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		err = -errno;
	close(fd);
	*ret_port = ntohs(address.sin_port);
	return err;
}

static bool is_listening(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = false;

	if (fd < 0)
		return false;
	is = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return is;
}

/* As a child that ends with us, on the server's CPU, and silent. */
static int server_start(struct site *site, const char *const *argv)
{
	site->server = fork();
	if (site->server < 0)
		return -errno;
	if (site->server == 0) {
		const int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		process_pin(SIDE_SERVER);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		/* POSIX: the strings are not written to, whatever the type. */
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	site->worker = site->server;
	for (int i = 0; i < READY_TRIES; i++) {
		if (is_listening(site->port))
			return 0;
		nanosleep(&a_moment, NULL);
	}
	return -ETIMEDOUT;
}

static void server_stop(const struct site *site)
{
	kill(site->server, SIGTERM);
	process_finish(site->server, STOP_SECONDS);
}

static int serve_a10(struct site *site)
{
	char program[PATH_MAX];
	char listen[32];
	char folder[PATH_SIZE];
	const char *chosen = getenv("A10_COMMAND");
	const char *const argv[] = { program, "serve", "--listen",
				     listen,  folder,  NULL };
	ssize_t length;

	length = readlink("/proc/self/exe", program, sizeof(program) - 32);
	if (length < 0)
		return -errno;
	program[length] = '\0';
	snprintf(strrchr(program, '/'), 32, "/../tools/a10/a10");
	if (chosen)
		snprintf(program, sizeof(program), "%s", chosen);
	if (access(program, X_OK) < 0)
		return missing(program);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", site->port);
	snprintf(folder, sizeof(folder), "%s/www", site->folder);
	return server_start(site, argv);
}

/*
 * As it is installed, with sendfile; spared what we do not do either: a log,
 * and a connection's end after a thousand requests.
 */
static int nginx_configure(const struct site *site)
{
	static const char format[] = "%sdaemon off;\n"
				     "worker_processes 1;\n"
				     "pid pid;\n"
				     "error_log error.log crit;\n"
				     "events {\n"
				     "\tworker_connections 4096;\n"
				     "}\n"
				     "http {\n"
				     "\tsendfile on;\n"
				     "\ttcp_nopush on;\n"
				     "\taccess_log off;\n"
				     "\tkeepalive_requests 1000000000;\n"
				     "\tclient_body_temp_path body;\n"
				     "\tproxy_temp_path proxy;\n"
				     "\tfastcgi_temp_path fastcgi;\n"
				     "\tuwsgi_temp_path uwsgi;\n"
				     "\tscgi_temp_path scgi;\n"
				     "\tserver {\n"
				     "\t\tlisten 127.0.0.1:%u;\n"
				     "\t\troot %s/www;\n"
				     "\t}\n"
				     "}\n";
	char text[sizeof(format) + PATH_SIZE + 32];

	snprintf(text, sizeof(text), format,
		 geteuid() == 0 ? "user root;\n" : "", site->port,
		 site->folder);
	return file_write(site->folder, "conf", text, strlen(text));
}

/* The only child of a process; 0: it has none. */
static pid_t child_of(pid_t parent)
{
	char path[64];
	char text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent,
		 (int)parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return (pid_t)strtol(text, NULL, 10);
}

/* It listens before it has a worker. */
static int worker_await(struct site *site)
{
	for (int i = 0; i < READY_TRIES; i++) {
		site->worker = child_of(site->server);
		if (site->worker > 0)
			return 0;
		nanosleep(&a_moment, NULL);
	}
	return -ETIMEDOUT;
}

static int serve_nginx(struct site *site)
{
	static const char *const argv[] = { NGINX,  "-p", NULL,        "-c",
					    "conf", "-e", "error.log", NULL };
	const char *words[8];
	int err;

	if (access(NGINX, X_OK) < 0)
		return missing(NGINX);
	memcpy(words, argv, sizeof(words));
	words[2] = site->folder;
	err = nginx_configure(site);
	if (err == 0)
		err = server_start(site, words);
	return err < 0 ? err : worker_await(site);
}

/* ---- the client ----------------------------------------------------------- */

/* The number that stands before word, on its line; -1 if there is none. */
static double number_before(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	if (!at)
		return -1;
	while (at > text && at[-1] != '\n')
		at--;
	return strtod(at, NULL);
}

static double number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtod(at + strlen(word), NULL) : -1;
}

/* Into output. -EBADMSG: not every answer was a good one. */
static int wrk_run(const struct site *site, const struct work_args *args,
		   const char *duration, char output[OUTPUT_SIZE])
{
	char connections[16];
	char url[64];
	const char *const argv[] = { "wrk", "-t",     "1", "-c", connections,
				     "-d",  duration, url, NULL };
	int err;

	snprintf(connections, sizeof(connections), "%u", args->connections);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/file", site->port);
	err = program_run(argv, output, OUTPUT_SIZE);
	if (err == -ENOPKG)
		return missing(argv[0]);
	if (err != 0)
		return err < 0 ? err : -EPROTO;
	if (!strstr(output, "Non-2xx") && !strstr(output, "Socket errors"))
		return 0;
	fputs(output, stderr);
	return -EBADMSG;
}

static double cpu_seconds(pid_t process)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(process, &clock) != 0 ||
	    clock_gettime(clock, &used) < 0)
		return 0;
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int site_measure(const struct site *site, const struct work_args *args,
			struct sample *ret_sample)
{
	static char output[OUTPUT_SIZE];
	char duration[32];
	double requests;
	double cpu;
	int err;

	snprintf(duration, sizeof(duration), "%.0fs", args->seconds);
	err = wrk_run(site, args, WARM_UP, output);
	if (err < 0)
		return err;
	cpu = cpu_seconds(site->worker);
	err = wrk_run(site, args, duration, output);
	if (err < 0)
		return err;
	cpu = cpu_seconds(site->worker) - cpu;
	requests = number_before(output, " requests in ");
	ret_sample->value[0] = number_after(output, "Requests/sec:");
	if (requests <= 0 || ret_sample->value[0] <= 0 || cpu <= 0)
		return -EPROTO;
	ret_sample->value[1] = requests / cpu;
	return 0;
}

static int http_run(const struct work_args *args,
		    int (*serve)(struct site *site), struct sample *ret_sample)
{
	struct site site = { .folder = "" };
	int err;

	err = folder_make(&site, args->message_size);
	if (err == 0)
		err = port_choose(&site.port);
	if (err == 0)
		err = serve(&site);
	if (err == 0)
		err = site_measure(&site, args, ret_sample);
	if (site.server > 0)
		server_stop(&site);
	folder_remove(&site);
	return err;
}

static int run_a10(const struct work_args *args, struct sample *ret_sample)
{
	return http_run(args, serve_a10, ret_sample);
}

static int run_nginx(const struct work_args *args, struct sample *ret_sample)
{
	return http_run(args, serve_nginx, ret_sample);
}

static const struct entrant ours = {
	.family = "http",
	.name = "ours",
	.run = run_a10,
};

static const struct entrant nginx = {
	.family = "http",
	.name = "nginx",
	.run = run_nginx,
};

BENCH_ENTRANT(ours)
BENCH_ENTRANT(nginx)
