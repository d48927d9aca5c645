;; The optimizer's inner loops over one wasm heap. Offsets are bytes, unsigned; counts are elements.
;; Buffers start at multiples of 64 bytes and are padded with zeros to a multiple of 16 elements, so that whole vectors suffice;
;; a zero in all four buffers stays zero under every kernel. Wasm SIMD has no fused multiply-add and no reordering: the bytes that come
;; out are the same on every machine.
(module
  (import "heap" "memory" (memory 1))

  ;; Decoupled AdamW (Loshchilov and Hutter, 2019) in the order of operations of PyTorch's single-tensor loop:
  ;;   g' = g * scale;  p = p * decay;  m = m + (1-b1) * (g' - m);  v = v * b2 + (1-b2) * g' * g'
  ;;   p = p + minus_step * m / (sqrt(v) / correction + eps)
  (func (export "adamw")
    (param $p i32) (param $g i32) (param $m i32) (param $v i32) (param $n i32)
    (param $scale f32) (param $decay f32) (param $one_minus_b1 f32) (param $b2 f32) (param $one_minus_b2 f32)
    (param $minus_step f32) (param $correction f32) (param $eps f32)
    (local $i i32) (local $gv v128) (local $mv v128) (local $vv v128)
    (local $scale4 v128) (local $decay4 v128) (local $omb1 v128) (local $b24 v128) (local $omb2 v128)
    (local $step4 v128) (local $correction4 v128) (local $eps4 v128)
    (local.set $scale4 (f32x4.splat (local.get $scale)))
    (local.set $decay4 (f32x4.splat (local.get $decay)))
    (local.set $omb1 (f32x4.splat (local.get $one_minus_b1)))
    (local.set $b24 (f32x4.splat (local.get $b2)))
    (local.set $omb2 (f32x4.splat (local.get $one_minus_b2)))
    (local.set $step4 (f32x4.splat (local.get $minus_step)))
    (local.set $correction4 (f32x4.splat (local.get $correction)))
    (local.set $eps4 (f32x4.splat (local.get $eps)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $gv (f32x4.mul (v128.load (local.get $g)) (local.get $scale4)))
        (local.set $mv (v128.load (local.get $m)))
        (local.set $mv (f32x4.add (local.get $mv) (f32x4.mul (local.get $omb1) (f32x4.sub (local.get $gv) (local.get $mv)))))
        (v128.store (local.get $m) (local.get $mv))
        (local.set $vv
          (f32x4.add
            (f32x4.mul (v128.load (local.get $v)) (local.get $b24))
            (f32x4.mul (f32x4.mul (local.get $omb2) (local.get $gv)) (local.get $gv))))
        (v128.store (local.get $v) (local.get $vv))
        (v128.store (local.get $p)
          (f32x4.add
            (f32x4.mul (v128.load (local.get $p)) (local.get $decay4))
            (f32x4.div
              (f32x4.mul (local.get $step4) (local.get $mv))
              (f32x4.add (f32x4.div (f32x4.sqrt (local.get $vv)) (local.get $correction4)) (local.get $eps4)))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next))))

  ;; to[i] += from[i]
  (func (export "accumulate") (param $to i32) (param $from i32) (param $n i32)
    (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (v128.store (local.get $to) (f32x4.add (v128.load (local.get $to)) (v128.load (local.get $from))))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next))))

  ;; The sum of squares in float64, which no float32 input can overflow: not finite exactly when an element is not.
  (func (export "sumSquares") (param $p i32) (param $n i32) (result f64)
    (local $i i32) (local $x v128) (local $low v128) (local $high v128) (local $wide v128)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $x (v128.load (local.get $p)))
        (local.set $wide (f64x2.promote_low_f32x4 (local.get $x)))
        (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $wide) (local.get $wide))))
        (local.set $wide
          (f64x2.promote_low_f32x4
            (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $x) (local.get $x))))
        (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $wide) (local.get $wide))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next)))
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))
)
