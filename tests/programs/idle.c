/* SPDX-License-Identifier: Apache-2.0 */
/* Forks so many children, which all sleep: idle N */

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char *argv[]) {
        int n = argc > 1 ? atoi(argv[1]) : 100;

        for (int i = 0; i < n; i++) {
                pid_t pid = fork();

                if (pid < 0)
                        return EXIT_FAILURE;
                if (pid == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        for (;;)
                                pause();
                }
        }
        for (;;)
                pause();
}
