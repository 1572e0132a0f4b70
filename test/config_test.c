/* What options contradict each other, and what is said then. */
#include "harness.h"

#include <a10.h>
#include <stddef.h>
#include <string.h>

#include "ring/options.h"

#define WORDS_SIZE 512

static const char *conflict_of(const struct a10_config *config)
{
	const char *reason = NULL;
	const int err = a10_config_check(config, &reason);

	ck_assert_int_eq(err, reason ? -EINVAL : 0);
	return reason;
}

static void refused(struct a10_config config, const char *word,
		    const char *other)
{
	const char *reason = conflict_of(&config);

	ck_assert_msg(reason != NULL, "accepted: %s, %s", word, other);
	ck_assert_msg(strstr(reason, word) != NULL, "\"%s\" lacks %s", reason,
		      word);
	ck_assert_msg(strstr(reason, other) != NULL, "\"%s\" lacks %s", reason,
		      other);
	ck_assert_uint_lt(strlen(reason), WORDS_SIZE);
}

static void accepted(struct a10_config config)
{
	const char *reason = conflict_of(&config);

	ck_assert_msg(reason == NULL, "%s", reason);
}

#define REFUSED(word, other, ...) \
	refused((struct a10_config){ __VA_ARGS__ }, word, other)
#define ACCEPTED(...) accepted((struct a10_config){ __VA_ARGS__ })

TEST(all_zero_is_accepted)
{
	struct a10_config config = { 0 };

	ck_assert_int_eq(a10_config_check(&config, NULL), 0);
	ck_assert_ptr_null(conflict_of(&config));
}

TEST(the_reason_is_written_on_failure_only)
{
	static const char untouched[] = "untouched";
	const char *reason = untouched;
	struct a10_config config = { .clamp = 3 };

	ck_assert_int_eq(a10_config_check(&config, NULL), -EINVAL);
	config.clamp = A10_ON;
	ck_assert_int_eq(a10_config_check(&config, &reason), 0);
	ck_assert_ptr_eq(reason, untouched);
}

TEST(deferring_needs_a_single_issuer)
{
	REFUSED("defer_task_run", "single_issuer", .defer_task_run = A10_ON,
		.single_issuer = A10_OFF);
	ACCEPTED(.defer_task_run = A10_ON);
	ACCEPTED(.defer_task_run = A10_ON, .single_issuer = A10_ON);
	ACCEPTED(.single_issuer = A10_OFF);
	ACCEPTED(.defer_task_run = A10_OFF, .single_issuer = A10_OFF);
}

TEST(deferring_and_a_kernel_thread_exclude_each_other)
{
	REFUSED("defer_task_run", "kernel_thread", .defer_task_run = A10_ON,
		.kernel_thread = A10_ON);
	ACCEPTED(.kernel_thread = A10_ON);
	ACCEPTED(.kernel_thread = A10_ON, .defer_task_run = A10_OFF);
	ACCEPTED(.kernel_thread = A10_OFF, .defer_task_run = A10_ON);
}

TEST(a_cpu_is_for_a_kernel_thread)
{
	REFUSED("kernel_thread_cpu_plus_one", "not on",
		.kernel_thread_cpu_plus_one = 1);
	REFUSED("kernel_thread_cpu_plus_one", "not on",
		.kernel_thread_cpu_plus_one = 1, .kernel_thread = A10_OFF);
	ACCEPTED(.kernel_thread_cpu_plus_one = 1, .kernel_thread = A10_ON);
	ACCEPTED(.kernel_thread_cpu_plus_one = UINT32_MAX,
		 .kernel_thread = A10_ON);
}

TEST(an_idle_time_is_for_a_kernel_thread)
{
	REFUSED("kernel_thread_idle_ns", "not on", .kernel_thread_idle_ns = 1);
	REFUSED("kernel_thread_idle_ns", "not on",
		.kernel_thread_idle_ns = INT64_MAX, .kernel_thread = A10_OFF);
	ACCEPTED(.kernel_thread_idle_ns = 1, .kernel_thread = A10_ON);
	ACCEPTED(.kernel_thread_idle_ns = INT64_MAX, .kernel_thread = A10_ON);
}

TEST(an_idle_time_is_not_negative)
{
	REFUSED("kernel_thread_idle_ns", "negative",
		.kernel_thread_idle_ns = -1, .kernel_thread = A10_ON);
	REFUSED("kernel_thread_idle_ns", "negative",
		.kernel_thread_idle_ns = INT64_MIN, .kernel_thread = A10_ON);
	REFUSED("kernel_thread_idle_ns", "negative",
		.kernel_thread_idle_ns = -1);
}

TEST(hybrid_polling_needs_polling)
{
	REFUSED("hybrid_iopoll", "iopoll is not", .hybrid_iopoll = A10_ON);
	REFUSED("hybrid_iopoll", "iopoll is not", .hybrid_iopoll = A10_ON,
		.iopoll = A10_OFF);
	ACCEPTED(.hybrid_iopoll = A10_ON, .iopoll = A10_ON);
	ACCEPTED(.hybrid_iopoll = A10_OFF, .iopoll = A10_ON);
	ACCEPTED(.iopoll = A10_ON, .kernel_thread = A10_ON);
}

TEST(sizes_beyond_the_kernels_are_refused_unless_clamped)
{
	REFUSED("submission_entries", "clamp", .submission_entries = 32769,
		.clamp = A10_OFF);
	REFUSED("submission_entries", "clamp", .submission_entries = UINT32_MAX,
		.clamp = A10_OFF);
	REFUSED("completion_entries", "clamp", .completion_entries = 65537,
		.clamp = A10_OFF);
	REFUSED("completion_entries", "clamp", .completion_entries = UINT32_MAX,
		.clamp = A10_OFF);
	ACCEPTED(.submission_entries = 32768, .clamp = A10_OFF);
	ACCEPTED(.completion_entries = 65536, .clamp = A10_OFF);
	ACCEPTED(.submission_entries = UINT32_MAX);
	ACCEPTED(.submission_entries = UINT32_MAX, .clamp = A10_ON);
	ACCEPTED(.completion_entries = UINT32_MAX);
	ACCEPTED(.submission_entries = UINT32_MAX,
		 .completion_entries = UINT32_MAX);
}

TEST(completions_are_not_fewer_than_submissions)
{
	REFUSED("completion_entries", "submission_entries",
		.submission_entries = 64, .completion_entries = 32);
	REFUSED("completion_entries", "128", .completion_entries = 64);
	REFUSED("completion_entries", "submission_entries",
		.submission_entries = UINT32_MAX, .completion_entries = 16384);
	ACCEPTED(.submission_entries = 1, .completion_entries = 1);
	ACCEPTED(.submission_entries = 64, .completion_entries = 64);
	ACCEPTED(.completion_entries = 128);
}

/* The kernel compares what it rounded up. */
TEST(sizes_are_compared_as_powers_of_two)
{
	ACCEPTED(.submission_entries = 8, .completion_entries = 5);
	ACCEPTED(.submission_entries = 5, .completion_entries = 7);
	REFUSED("completion_entries", "submission_entries",
		.submission_entries = 9, .completion_entries = 8);
	/* Clamped, 32768 is enough for any. */
	ACCEPTED(.submission_entries = 40000, .completion_entries = 32768);
}

TEST(tables_and_workers_have_limits)
{
	REFUSED("direct_descriptors", "1048576",
		.direct_descriptors = (1u << 20) + 1);
	ACCEPTED(.direct_descriptors = 1u << 20);
	REFUSED("registered_buffers", "16384", .registered_buffers = 16385);
	ACCEPTED(.registered_buffers = 16384);
	REFUSED("workers_bounded", "2147483647",
		.workers_bounded = UINT32_C(1) << 31);
	REFUSED("workers_unbounded", "2147483647",
		.workers_unbounded = UINT32_MAX);
	ACCEPTED(.workers_bounded = INT32_MAX, .workers_unbounded = INT32_MAX);
}

TEST(the_kernels_queues_begin_at_zero)
{
	const struct a10_config config = { .first_index = 1 };

	REFUSED("first_index", "0", .first_index = 1);
	REFUSED("first_index", "0", .first_index = UINT32_MAX,
		.backend = A10_BACKEND_KERNEL);
	/* Others' may begin anywhere. */
	ck_assert_ptr_null(options_conflict(&config));
}

TEST(an_unknown_backend_is_refused)
{
	ACCEPTED(.backend = A10_BACKEND_KERNEL);
	REFUSED("backend", "library", .backend = A10_BACKEND_KERNEL + 1);
	REFUSED("backend", "library", .backend = UINT8_MAX);
}

#define CHOICE(name)                                     \
	{                                                \
		offsetof(struct a10_config, name), #name \
	}

static const struct choice {
	size_t offset;
	const char *name;
} choices[] = {
	CHOICE(disabled), CHOICE(single_issuer), CHOICE(defer_task_run),
	CHOICE(clamp),    CHOICE(no_iowait),     CHOICE(kernel_thread),
	CHOICE(iopoll),   CHOICE(hybrid_iopoll), CHOICE(large_completions),
};

#define CHOICES (sizeof(choices) / sizeof(choices[0]))

TEST(a_choice_is_auto_on_or_off)
{
	for (size_t i = 0; i < CHOICES; i++) {
		struct a10_config config = { .iopoll = A10_ON };
		uint8_t *const choice = (uint8_t *)&config + choices[i].offset;

		for (unsigned int value = 0; value <= UINT8_MAX; value++) {
			*choice = (uint8_t)value;
			if (value > A10_OFF)
				refused(config, choices[i].name, "A10_AUTO");
			else if (choices[i].offset !=
				 offsetof(struct a10_config, hybrid_iopoll))
				accepted(config);
		}
	}
}

/* A newer program may mean something by them. */
TEST(reserved_words_are_zero)
{
	for (size_t i = 0; i < 3; i++) {
		struct a10_config config = { 0 };

		config.reserved_choices[i] = 1;
		refused(config, "reserved_choices", "zero");
	}
	for (size_t i = 0; i < 6; i++) {
		struct a10_config config = { 0 };

		config.reserved[i] = UINT64_C(1) << 63;
		refused(config, "reserved", "zero");
	}
}

/* ---- what auto means ----------------------------------------------------- */

static struct a10_config resolved(struct a10_config config)
{
	struct a10_config result;

	memset(&result, 0xff, sizeof(result));
	options_resolve(&config, &result);
	/* Twice is once, also in place. */
	options_resolve(&result, &result);
	return result;
}

#define RESOLVED(...) resolved((struct a10_config){ __VA_ARGS__ })

TEST(what_the_kernel_may_refuse_stays_auto)
{
	const struct a10_config config = RESOLVED(.disabled = A10_AUTO);

	ck_assert_uint_eq(config.single_issuer, A10_AUTO);
	ck_assert_uint_eq(config.defer_task_run, A10_AUTO);
	ck_assert_uint_eq(config.no_iowait, A10_AUTO);
}

TEST(what_needs_no_kernel_is_settled)
{
	const struct a10_config config = RESOLVED(.disabled = A10_AUTO);

	ck_assert_uint_eq(config.disabled, A10_OFF);
	ck_assert_uint_eq(config.clamp, A10_ON);
	ck_assert_uint_eq(config.kernel_thread, A10_OFF);
	ck_assert_uint_eq(config.iopoll, A10_OFF);
	ck_assert_uint_eq(config.hybrid_iopoll, A10_OFF);
	ck_assert_uint_eq(config.large_completions, A10_OFF);
	ck_assert_uint_eq(config.backend, A10_BACKEND_KERNEL);
	ck_assert_uint_eq(config.reserved_operations, 1024);
	/* Which are the backend's to choose is for it to know. */
	ck_assert_uint_eq(config.submission_entries, 0);
	ck_assert_uint_eq(config.completion_entries, 0);
}

TEST(deferring_gives_way_quietly)
{
	ck_assert_uint_eq(RESOLVED(.kernel_thread = A10_ON).defer_task_run,
			  A10_OFF);
	ck_assert_uint_eq(RESOLVED(.single_issuer = A10_OFF).defer_task_run,
			  A10_OFF);
	ck_assert_uint_eq(RESOLVED(.kernel_thread = A10_ON).single_issuer,
			  A10_AUTO);
}

TEST(who_insists_on_deferring_insists_on_a_single_issuer)
{
	const struct a10_config config = RESOLVED(.defer_task_run = A10_ON);

	ck_assert_uint_eq(config.defer_task_run, A10_ON);
	ck_assert_uint_eq(config.single_issuer, A10_ON);
}

TEST(what_was_chosen_stays_chosen)
{
	const struct a10_config config =
		RESOLVED(.disabled = A10_ON, .clamp = A10_OFF,
			 .no_iowait = A10_OFF, .kernel_thread = A10_ON,
			 .kernel_thread_idle_ns = 5, .iopoll = A10_ON,
			 .hybrid_iopoll = A10_ON, .large_completions = A10_ON,
			 .reserved_operations = 7, .submission_entries = 33);

	ck_assert_uint_eq(config.disabled, A10_ON);
	ck_assert_uint_eq(config.clamp, A10_OFF);
	ck_assert_uint_eq(config.no_iowait, A10_OFF);
	ck_assert_uint_eq(config.kernel_thread, A10_ON);
	ck_assert_int_eq(config.kernel_thread_idle_ns, 5);
	ck_assert_uint_eq(config.iopoll, A10_ON);
	ck_assert_uint_eq(config.hybrid_iopoll, A10_ON);
	ck_assert_uint_eq(config.large_completions, A10_ON);
	ck_assert_uint_eq(config.reserved_operations, 7);
	ck_assert_uint_eq(config.submission_entries, 33);
}
