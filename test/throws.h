/* What is in C++ of exception_test.c. */
#ifndef THROWS_H
#define THROWS_H

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, or what went wrong. */
const char *throws_alone(void);
const char *throws_together(void);
/* All of it where the thread handles an exception already. */
const char *throws_in_a_handler(void);
/* Ends the program. */
void throws_out_of_a_task(void);

#ifdef __cplusplus
}
#endif

#endif
