// Package rl holds the parts of deep reinforcement learning that do not depend on any one problem.
package rl
