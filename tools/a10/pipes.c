#include "pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void pipe_close(struct pipes *pipes, const struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	pipes->count--;
}

int pipe_take(struct pipes *pipes, struct pipe *ret_pipe)
{
	int ends[2];

	if (pipes->kept_count > 0) {
		*ret_pipe = pipes->kept[--pipes->kept_count];
		return 0;
	}
	if (pipes->count >= pipes->most)
		return -EMFILE;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	/* A user has so many pages for pipes; a small one is one, too. */
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	pipes->count++;
	ret_pipe->out = ends[0];
	ret_pipe->in = ends[1];
	ret_pipe->held = 0;
	return 0;
}

void pipe_give(struct pipes *pipes, struct pipe *pipe)
{
	if (pipe->held == 0 && pipes->kept_count < PIPES_KEPT)
		pipes->kept[pipes->kept_count++] = *pipe;
	else
		pipe_close(pipes, pipe);
}

void pipes_finish(struct pipes *pipes)
{
	while (pipes->kept_count > 0)
		pipe_close(pipes, &pipes->kept[--pipes->kept_count]);
}
