//go:build !purego

package kernel

func adam(p, g, m, v []float32, s adamStep) {
	if active == isaGo {
		adamGo(p, g, m, v, s)
		return
	}
	for len(p) > 0 {
		n := min(len(p), burst)
		adamKernel(n, &p[0], &g[0], &m[0], &v[0], s.beta1, s.rest1, s.beta2, s.rest2, s.rate, s.norm, s.eps, s.decay)
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
}
