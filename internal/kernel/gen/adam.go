package main

func adam(a *asm) {
	a.begin("adam", "(n int, p, grad, m, v *float32, beta1, rest1, beta2, rest2, rate, norm, eps, decay float32)",
		"makes one step of Adam; the coefficients are those of adamStep.")
	beta1, rest1, beta2, rest2 := a.scalar("beta1"), a.scalar("rest1"), a.scalar("beta2"), a.scalar("rest2")
	rate, norm, eps, decay := a.scalar("rate"), a.scalar("norm"), a.scalar("eps"), a.scalar("decay")
	p, grad, m, v := a.arg("p"), a.arg("grad"), a.arg("m"), a.arg("v")
	a.blocks("x", a.arg("n"), nil, []gp{p, grad, m, v}, func(masks []laneMask) {
		for h, k := range masks {
			g := a.loadMasked(a.part(grad, h), k)
			m1, v1, pv := a.vec(), a.vec(), a.loadMasked(a.part(p, h), k)
			a.VMULPS(rest1, g, m1)
			a.VFMADD231PS(a.loadMasked(a.part(m, h), k), beta1, m1)
			a.storeMasked(m1, a.part(m, h), k)
			a.VMULPS(g, g, v1)
			a.VMULPS(rest2, v1, v1)
			a.VFMADD231PS(a.loadMasked(a.part(v, h), k), beta2, v1)
			a.storeMasked(v1, a.part(v, h), k)
			a.VSQRTPS(v1, v1)
			a.VFMADD213PS(eps, norm, v1)
			a.VMULPS(rate, m1, m1)
			a.VDIVPS(v1, m1, m1)
			a.VFMSUB213PS(m1, decay, pv)
			a.storeMasked(pv, a.part(p, h), k)
		}
	})
	a.end()
}
