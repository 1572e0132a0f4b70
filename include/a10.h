/* a10.h - asynchronous I/O for Linux: operations as values, on io_uring. */
#ifndef A10_H
#define A10_H

#include <a10/base.h>
#include <a10/buf.h>
#include <a10/channel.h>
#include <a10/command.h>
#include <a10/config.h>
#include <a10/epoll.h>
#include <a10/fd.h>
#include <a10/fs.h>
#include <a10/futex.h>
#include <a10/io.h>
#include <a10/mem.h>
#include <a10/msg.h>
#include <a10/net.h>
#include <a10/op.h>
#include <a10/poll.h>
#include <a10/pool.h>
#include <a10/probe.h>
#include <a10/process.h>
#include <a10/region.h>
#include <a10/ring.h>
#include <a10/scope.h>
#include <a10/setting.h>
#include <a10/shard.h>
#include <a10/sockopt.h>
#include <a10/sq.h>
#include <a10/stream.h>
#include <a10/task.h>
#include <a10/time.h>
#include <a10/trace.h>
#include <a10/watch.h>
#include <a10/work.h>

#endif
