(** The rounding test: when both ends of an enclosure round alike, that is the rounding of the exact
    value. And the plain binary64 product of the narrow formats. *)

From Coq Require Import Reals ZArith Lra Lia.
From Flocq Require Import Core Round_odd.
Require Import Float Product.
Open Scope R_scope.

(** ** The test on a double-double value, for f64 tables: RN (sum + RN (low ± eps)). *)
Theorem double_test e exact sum low margin eps :
  (-60 <= e)%Z ->
  Rabs (sum + low - exact) <= margin ->
  Rabs low + eps <= pow (e - 50) -> 0 <= eps ->
  margin + 8 * pow (e - 107) <= eps ->
  RN (sum + RN (low - eps)) = RN (sum + RN (low + eps)) ->
  RN exact = RN (sum + RN (low - eps)).
Proof.
  intros E M L P C T.
  assert (D : 8 * pow (e - 107) = pow (e - 50 - 54)).
  { replace (e - 50 - 54)%Z with (3 + (e - 107))%Z by ring. rewrite bpow_plus. reflexivity. }
  assert (N1 : Rabs (RN (low - eps) - (low - eps)) <= pow (e - 50 - 54)).
  { apply RN_error; [lia|]. apply Rabs_le. apply Rabs_le_inv in M. split_Rabs; lra. }
  assert (N2 : Rabs (RN (low + eps) - (low + eps)) <= pow (e - 50 - 54)).
  { apply RN_error; [lia|]. apply Rabs_le. split_Rabs; lra. }
  rewrite <- D in N1, N2. bounds.
  apply Rle_antisym.
  - rewrite T. apply RN_le. lra.
  - apply RN_le. lra.
Qed.

(** ** One complex product in plain binary64, RN (RN (ac) - RN (bd)) and RN (RN (ad) + RN (bc)). *)
Definition plain_minus (a b c d : R) : R := RN (RN (a * c) - RN (b * d)).
Definition plain_plus (a b c d : R) : R := RN (RN (a * d) + RN (b * c)).

Lemma plain_dot e x y z w :
  (-60 <= e)%Z -> Rabs x <= pow e -> Rabs z <= pow e -> Rabs y <= 1 -> Rabs w <= 1 ->
  Rabs (RN (RN (x * y) + RN (z * w)) - (x * y + z * w)) <= 4 * pow (e - 54)
  /\ Rabs (RN (RN (x * y) + RN (z * w))) <= pow (e + 1)
  /\ (Rabs (RN (x * y) + RN (z * w)) <= pow e ->
      Rabs (RN (RN (x * y) + RN (z * w)) - (x * y + z * w)) <= 3 * pow (e - 54)).
Proof.
  intros E Hx Hz Hy Hw.
  assert (M1 : Rabs (x * y) <= pow e) by (rewrite <- (Rmult_1_r (pow e)); now apply Rabs_mult_le).
  assert (M2 : Rabs (z * w) <= pow e) by (rewrite <- (Rmult_1_r (pow e)); now apply Rabs_mult_le).
  assert (A1 := RN_bound e _ ltac:(lia) M1). assert (A2 := RN_bound e _ ltac:(lia) M2).
  assert (N1 := RN_error e _ ltac:(lia) M1). assert (N2 := RN_error e _ ltac:(lia) M2).
  assert (M3 : Rabs (RN (x * y) + RN (z * w)) <= pow (e + 1)).
  { rewrite pow_double. bounds. apply Rabs_le. lra. }
  assert (A3 := RN_bound (e + 1) _ ltac:(lia) M3). assert (N3 := RN_error (e + 1) _ ltac:(lia) M3).
  replace (pow (e + 1 - 54)) with (2 * pow (e - 54)) in N3
    by (rewrite <- pow_double; f_equal; ring).
  split; [bounds; apply Rabs_le; lra|]. split; [exact A3|]. intros S.
  assert (N4 := RN_error e _ ltac:(lia) S). bounds. apply Rabs_le. lra.
Qed.

(** 4 units of 2^-54 per component, and 3 if the sum of the two products is at most 1. *)
Theorem plain_product e a b c d :
  (-60 <= e)%Z -> Rabs a <= pow e -> Rabs b <= pow e -> Rabs c <= 1 -> Rabs d <= 1 ->
  Rabs (plain_minus a b c d - (a * c - b * d)) <= 4 * pow (e - 54) /\
  Rabs (plain_plus a b c d - (a * d + b * c)) <= 4 * pow (e - 54).
Proof.
  intros E Ha Hb Hc Hd. split.
  - unfold plain_minus.
    replace (RN (a * c) - RN (b * d)) with (RN (a * c) + RN (- b * d))
      by (rewrite Ropp_mult_distr_l_reverse, RN_opp; ring).
    replace (a * c - b * d) with (a * c + - b * d) by ring.
    apply (plain_dot e a c (- b) d); rewrite ?Rabs_Ropp; assumption.
  - apply (plain_dot e a d b c); assumption.
Qed.

Theorem plain_product_small e a b c d :
  (-60 <= e)%Z -> Rabs a <= pow e -> Rabs b <= pow e -> Rabs c <= 1 -> Rabs d <= 1 ->
  (Rabs (RN (a * c) - RN (b * d)) <= pow e ->
   Rabs (plain_minus a b c d - (a * c - b * d)) <= 3 * pow (e - 54)) /\
  (Rabs (RN (a * d) + RN (b * c)) <= pow e ->
   Rabs (plain_plus a b c d - (a * d + b * c)) <= 3 * pow (e - 54)).
Proof.
  intros E Ha Hb Hc Hd. split; intros S.
  - unfold plain_minus in *.
    assert (K : RN (a * c) - RN (b * d) = RN (a * c) + RN (- b * d))
      by (rewrite Ropp_mult_distr_l_reverse, RN_opp; ring).
    rewrite K in *.
    replace (a * c - b * d) with (a * c + - b * d) by ring.
    apply (plain_dot e a c (- b) d); rewrite ?Rabs_Ropp; assumption.
  - apply (plain_dot e a d b c); assumption.
Qed.

(** ** The test on a plain value: both ends in binary64, then any one monotone rounding. *)
Theorem plain_test e exact v margin eps narrow :
  (-60 <= e)%Z ->
  (forall x y, x <= y -> narrow x <= narrow y) ->
  Rabs (v - exact) <= margin ->
  Rabs v + eps <= pow (e + 1) -> 0 <= eps ->
  margin + 2 * pow (e - 54) <= eps ->
  narrow (RN (v - eps)) = narrow (RN (v + eps)) ->
  narrow exact = narrow (RN (v - eps)).
Proof.
  intros E N M L P C T.
  assert (D : 2 * pow (e - 54) = pow (e + 1 - 54))
    by (rewrite <- pow_double; f_equal; ring).
  assert (N1 : Rabs (RN (v - eps) - (v - eps)) <= pow (e + 1 - 54))
    by (apply RN_error; [lia|]; apply Rabs_le; split_Rabs; lra).
  assert (N2 : Rabs (RN (v + eps) - (v + eps)) <= pow (e + 1 - 54))
    by (apply RN_error; [lia|]; apply Rabs_le; split_Rabs; lra).
  rewrite <- D in N1, N2. bounds.
  apply Rle_antisym.
  - rewrite T. apply N. lra.
  - apply N. lra.
Qed.

(** The narrow formats: binary32; bf16 and binary16 through a rounding to odd in binary32, which is
    what the kernel does and is the same as one rounding. *)
Definition fexp32 : Z -> Z := FLT_exp (-149) 24.
Definition fexp_bf16 : Z -> Z := FLT_exp (-133) 8.
Definition fexp16 : Z -> Z := FLT_exp (-24) 11.

Global Instance prec_24 : Prec_gt_0 24 := eq_refl.
Global Instance prec_11 : Prec_gt_0 11 := eq_refl.
Global Instance prec_8 : Prec_gt_0 8 := eq_refl.
Global Instance valid32 : Valid_exp fexp32 := FLT_exp_valid (-149) 24.
Global Instance valid_bf16 : Valid_exp fexp_bf16 := FLT_exp_valid (-133) 8.
Global Instance valid16 : Valid_exp fexp16 := FLT_exp_valid (-24) 11.

Theorem narrow_monotone fexp (V : Valid_exp fexp) x y :
  x <= y -> round radix2 fexp ZnearestE x <= round radix2 fexp ZnearestE y.
Proof. apply round_le; auto with typeclass_instances. Qed.

Theorem bf16_by_odd x :
  round radix2 fexp_bf16 ZnearestE (round radix2 fexp32 Zrnd_odd x)
  = round radix2 fexp_bf16 ZnearestE x.
Proof.
  apply round_N_odd; auto with typeclass_instances.
  - apply exists_NE_FLT. right. reflexivity.
  - apply exists_NE_FLT. right. reflexivity.
  - intros k. unfold fexp32, fexp_bf16, FLT_exp. lia.
Qed.

Theorem binary16_by_odd x :
  round radix2 fexp16 ZnearestE (round radix2 fexp32 Zrnd_odd x)
  = round radix2 fexp16 ZnearestE x.
Proof.
  apply round_N_odd; auto with typeclass_instances.
  - apply exists_NE_FLT. right. reflexivity.
  - apply exists_NE_FLT. right. reflexivity.
  - intros k. unfold fexp32, fexp16, FLT_exp. lia.
Qed.
