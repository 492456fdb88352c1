//go:build !purego

package kernel

func exp(dst, src []float32) {
	if active == isaGo {
		expGo(dst, src)
		return
	}
	for len(src) > 0 {
		n := min(len(src), burst)
		if active == isaAVX512 {
			expAVX512(n, &src[0], &dst[0])
		} else {
			expAVX2(n, &src[0], &dst[0])
		}
		dst, src = dst[n:], src[n:]
	}
}

func apply(act Act, dst, src []float32) {
	if active == isaGo {
		applyGo(act, dst, src)
		return
	}
	for len(src) > 0 {
		n := min(len(src), burst)
		if active == isaAVX512 {
			actAVX512(uint8(act), n, &src[0], &dst[0])
		} else {
			actAVX2(uint8(act), n, &src[0], &dst[0])
		}
		dst, src = dst[n:], src[n:]
	}
}

func biasAct(act Act, rows, n int, y, bias []float32) {
	switch {
	case rows == 0 || n == 0:
		return
	case active == isaGo:
		biasActGo(act, rows, n, y, bias)
		return
	case bias == nil:
		apply(act, y[:rows*n], y[:rows*n])
		return
	}
	// Narrow rows leave lanes idle: take several as one, with the bias repeated.
	if repeat := 16 / min(16, n&-n); n < 64 && repeat > 1 && rows >= 2*repeat {
		t := borrow(repeat * n)
		defer scratch.Put(t)
		for r := range repeat {
			copy((*t)[r*n:], bias[:n])
		}
		whole := rows / repeat
		biasActRows(act, whole, repeat*n, y, *t)
		y = y[whole*repeat*n:]
		if rows -= whole * repeat; rows == 0 {
			return
		}
	}
	biasActRows(act, rows, n, y, bias)
}

func biasActRows(act Act, rows, n int, y, bias []float32) {
	step := max(1, burst/n)
	for i := 0; i < rows; i += step {
		for j := 0; j < n; j += burst {
			rows, n, y, bias := min(step, rows-i), min(burst, n-j), &y[i*n+j], &bias[j]
			if active == isaAVX512 {
				biasActAVX512(uint8(act), rows, n, y, bias)
			} else {
				biasActAVX2(uint8(act), rows, n, y, bias)
			}
		}
	}
}

func actBackward(act Act, rows, n int, y, dy, dz, db []float32) {
	if rows == 0 || n == 0 || active == isaGo {
		actBackwardGo(act, rows, n, y, dy, dz, db)
		return
	}
	if act == ActNone {
		y = dy // not looked at, but read
	}
	if db != nil {
		clear(db[:n])
		for j := 0; j < n; j += 16 {
			actBackwardColumns(act, rows, min(16, n-j), n, y[j:], dy[j:], dz[j:], &db[j])
		}
		return
	}
	// Without sums of columns, rows may as well be 16 long.
	var sums [16]float32
	whole := rows * n / 16
	actBackwardColumns(act, whole, 16, 16, y, dy, dz, &sums[0])
	if rest := rows*n - whole*16; rest > 0 {
		actBackwardColumns(act, 1, rest, rest, y[whole*16:], dy[whole*16:], dz[whole*16:], &sums[0])
	}
}

func actBackwardColumns(act Act, rows, n, ld int, y, dy, dz []float32, db *float32) {
	const step = burst / 16
	for i := 0; i < rows; i += step {
		rows := min(step, rows-i)
		y, dy, dz := &y[i*ld], &dy[i*ld], &dz[i*ld]
		if active == isaAVX512 {
			actBackwardAVX512(uint8(act), rows, n, ld, y, dy, dz, db)
		} else {
			actBackwardAVX2(uint8(act), rows, n, ld, y, dy, dz, db)
		}
	}
}
