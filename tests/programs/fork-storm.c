/* SPDX-License-Identifier: Apache-2.0 */
/* Forks, executes /bin/true and waits, for as long as asked: fork-storm [SECONDS] */

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

int main(int argc, char *argv[]) {
        char *const arguments[] = { (char *) "true", NULL }, *const environment[] = { NULL };
        time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1 << 30);

        while (time(NULL) < end) {
                pid_t pid;

                if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) != 0)
                        return EXIT_FAILURE;
                waitpid(pid, NULL, 0);
        }
        return EXIT_SUCCESS;
}
