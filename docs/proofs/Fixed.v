(** The fixed-point tables (src/exact/ladder/fixed.rs): complex numbers as integers in units of
    2^-126, and how far a product of many seeds is from what it stands for. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
Open Scope Z_scope.

(** [multiply]: a·b·2^-126 towards zero, from 64-bit halves. The shifts are as in the program. *)
Definition multiply_magnitudes (a b : Z) : Z :=
  let a1 := Z.shiftr a 64 in let a0 := a mod 2 ^ 64 in
  let b1 := Z.shiftr b 64 in let b0 := b mod 2 ^ 64 in
  let middle := a1 * b0 + a0 * b1 + Z.shiftr (a0 * b0) 64 in
  Z.shiftl (a1 * b1) 2 + Z.shiftr middle 62.

Definition multiply (a b : Z) : Z :=
  let product := multiply_magnitudes (Z.abs a) (Z.abs b) in
  if xorb (a <? 0) (b <? 0) then - product else product.

(** No intermediate result needs more than 128 bits, for components up to 1 and a little. *)
Theorem multiply_fits a b :
  0 <= a < 2 ^ 126 + 2 ^ 64 -> 0 <= b < 2 ^ 126 + 2 ^ 64 ->
  let a1 := Z.shiftr a 64 in let a0 := a mod 2 ^ 64 in
  let b1 := Z.shiftr b 64 in let b0 := b mod 2 ^ 64 in
  0 <= a1 * b0 + a0 * b1 + Z.shiftr (a0 * b0) 64 < 2 ^ 128 /\
  0 <= a1 * b1 < 2 ^ 125 /\ 0 <= multiply_magnitudes a b < 2 ^ 127.
Proof.
  intros Ha Hb a1 a0 b1 b0. unfold a1, b1, a0, b0, multiply_magnitudes. clear a1 a0 b1 b0.
  rewrite !Z.shiftr_div_pow2, Z.shiftl_mul_pow2 by lia.
  assert (A0 := Z.mod_pos_bound a (2 ^ 64) ltac:(lia)).
  assert (B0 := Z.mod_pos_bound b (2 ^ 64) ltac:(lia)).
  assert (A1 : 0 <= a / 2 ^ 64 <= 2 ^ 62).
  { split; [apply Z.div_pos; lia|]. apply Z.lt_succ_r, Z.div_lt_upper_bound; lia. }
  assert (B1 : 0 <= b / 2 ^ 64 <= 2 ^ 62).
  { split; [apply Z.div_pos; lia|]. apply Z.lt_succ_r, Z.div_lt_upper_bound; lia. }
  set (x := a / 2 ^ 64) in *. set (y := b / 2 ^ 64) in *.
  set (p := a mod 2 ^ 64) in *. set (q := b mod 2 ^ 64) in *.
  assert (Q : 0 <= p * q / 2 ^ 64 <= 2 ^ 64).
  { split; [apply Z.div_pos; nia|]. apply Z.div_le_upper_bound; nia. }
  assert (X : 0 <= x * q <= 2 ^ 62 * 2 ^ 64) by nia.
  assert (Y : 0 <= p * y <= 2 ^ 64 * 2 ^ 62) by nia.
  assert (S : 0 <= x * y <= 2 ^ 62 * 2 ^ 62) by nia.
  assert (M : 0 <= (x * q + p * y + p * q / 2 ^ 64) / 2 ^ 62 <= 2 ^ 66).
  { split; [apply Z.div_pos; lia|]. apply Z.div_le_upper_bound; lia. }
  lia.
Qed.

(** A product is short by less than 1 + 2^-62 units, in units of 2^-252. *)
Lemma multiply_magnitudes_error a b :
  0 <= a -> 0 <= b ->
  0 <= a * b - 2 ^ 126 * multiply_magnitudes a b < 2 ^ 126 + 2 ^ 64.
Proof.
  intros Ha Hb. unfold multiply_magnitudes.
  rewrite !Z.shiftr_div_pow2, Z.shiftl_mul_pow2 by lia.
  assert (EA := Z.div_mod a (2 ^ 64) ltac:(lia)). assert (EB := Z.div_mod b (2 ^ 64) ltac:(lia)).
  set (x := a / 2 ^ 64) in *. set (y := b / 2 ^ 64) in *.
  set (p := a mod 2 ^ 64) in *. set (q := b mod 2 ^ 64) in *.
  assert (E1 := Z.div_mod (p * q) (2 ^ 64) ltac:(lia)).
  assert (M1 := Z.mod_pos_bound (p * q) (2 ^ 64) ltac:(lia)).
  set (t := p * q / 2 ^ 64) in *. set (tr := (p * q) mod 2 ^ 64) in *.
  assert (E2 := Z.div_mod (x * q + p * y + t) (2 ^ 62) ltac:(lia)).
  assert (M2 := Z.mod_pos_bound (x * q + p * y + t) (2 ^ 62) ltac:(lia)).
  set (m := (x * q + p * y + t) / 2 ^ 62) in *.
  set (mr := (x * q + p * y + t) mod 2 ^ 62) in *.
  assert (K : a * b - 2 ^ 126 * (x * y * 2 ^ 2 + m) = 2 ^ 64 * mr + tr).
  { rewrite EA, EB. replace ((2 ^ 64 * x + p) * (2 ^ 64 * y + q))
      with (2 ^ 128 * (x * y) + 2 ^ 64 * (x * q + p * y) + p * q) by ring.
    replace (x * q + p * y) with (2 ^ 62 * m + mr - t) by lia. rewrite E1. ring. }
  rewrite K. lia.
Qed.

Lemma multiply_error a b : Z.abs (a * b - 2 ^ 126 * multiply a b) < 2 ^ 126 + 2 ^ 64.
Proof.
  assert (H := multiply_magnitudes_error (Z.abs a) (Z.abs b) (Z.abs_nonneg a) (Z.abs_nonneg b)).
  rewrite <- Z.abs_mul in H. unfold multiply.
  destruct (Z.ltb_spec a 0), (Z.ltb_spec b 0); simpl xorb; cbv iota; nia.
Qed.

(** A product with 1 is exact. *)
Lemma multiply_one b : multiply (2 ^ 126) b = b.
Proof.
  assert (K : multiply_magnitudes (2 ^ 126) (Z.abs b) = Z.abs b).
  { unfold multiply_magnitudes. rewrite !Z.shiftr_div_pow2, Z.shiftl_mul_pow2 by lia.
    change (2 ^ 126 / 2 ^ 64) with (2 ^ 62). change (2 ^ 126 mod 2 ^ 64) with 0.
    rewrite !Z.mul_0_l, Z.add_0_r. change (0 / 2 ^ 64) with 0. rewrite Z.add_0_r.
    rewrite (Z.mul_comm (2 ^ 62) (Z.abs b mod 2 ^ 64)), Z.div_mul by lia.
    assert (E := Z.div_mod (Z.abs b) (2 ^ 64) ltac:(lia)). lia. }
  unfold multiply. change (Z.abs (2 ^ 126)) with (2 ^ 126). rewrite K.
  destruct (Z.ltb_spec b 0); simpl xorb; cbv iota; lia.
Qed.

Lemma multiply_zero b : multiply 0 b = 0.
Proof.
  unfold multiply. assert (K : multiply_magnitudes (Z.abs 0) (Z.abs b) = 0).
  { unfold multiply_magnitudes. rewrite !Z.shiftr_div_pow2 by lia. simpl Z.abs.
    change (0 / 2 ^ 64) with 0. change (0 mod 2 ^ 64) with 0. rewrite !Z.mul_0_l. reflexivity. }
  rewrite K. now destruct (xorb _ _).
Qed.

(** [Fixed::times]. *)
Record fixed := Fixed { re : Z; im : Z }.

Definition times (a b : fixed) : fixed :=
  Fixed (multiply (re a) (re b) - multiply (im a) (im b))
        (multiply (re a) (im b) + multiply (im a) (re b)).

Definition one : fixed := Fixed (2 ^ 126) 0.

Lemma times_one_l z : times one z = z.
Proof.
  destruct z as [x y]. unfold times, one. simpl re. simpl im.
  rewrite !multiply_one, !multiply_zero. f_equal; ring.
Qed.

(** Each component errs by less than 3 units. *)
Theorem times_error a b :
  Z.abs (re a * re b - im a * im b - 2 ^ 126 * re (times a b)) < 3 * 2 ^ 126 /\
  Z.abs (re a * im b + im a * re b - 2 ^ 126 * im (times a b)) < 3 * 2 ^ 126.
Proof.
  assert (A := multiply_error (re a) (re b)). assert (B := multiply_error (im a) (im b)).
  assert (C := multiply_error (re a) (im b)). assert (D := multiply_error (im a) (re b)).
  unfold times. simpl re. simpl im. lia.
Qed.
