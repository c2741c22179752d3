(** The ladder from fixed-point rows to a rounded number: when the kernel's test passes, what it stores
    is the correctly rounded cosine or sine. The constants are those of src/exact/ladder/bound.rs. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
From Flocq Require Import Core Mult_error.
Require Import Float Product Rounding Entry Fixed Chain.
Open Scope R_scope.

(** Units of 2^-107: one product, what the errors of two entries do to it, the test. *)
Definition PRODUCT : R := 14.
Definition ENTRY : R := 3.
Definition TEST : R := 8.
(** Units of 2^-54, in plain binary64. *)
Definition PLAIN_PRODUCT : R := 4.
Definition PLAIN_ENTRY : R := 3.
Definition PLAIN_TEST : R := 2.

(** A component as the table has it: the pair of its magnitude with its sign, scaled by 2^e. *)
Definition component (e : Z) (x : Z) : R * R :=
  let (hi, lo) := entry (Z.abs x) in
  if (x <? 0)%Z then (- hi * pow e, - lo * pow e) else (hi * pow e, lo * pow e).

(** The errors of an entry in double-double and in plain binary64, before scaling. *)
Definition E2 : R := pow (-107) + pow (-117).
Definition E1 : R := pow (-54) + pow (-107) + pow (-117).

Lemma unit_pow : unit = pow (-126).
Proof. reflexivity. Qed.

Lemma component_close e x t :
  (-60 <= e)%Z -> Rabs t <= 1 -> Rabs (IZR x * unit - t) <= / IZR (2 ^ 117) ->
  let (hi, lo) := component e x in
  format hi /\ Rabs hi <= pow e /\ Rabs lo <= pow (e - 54) /\
  Rabs (hi + lo - pow e * t) <= pow e * E2 /\ Rabs (hi - pow e * t) <= pow e * E1.
Proof.
  intros E T H. rewrite unit_pow in H. change (/ IZR (2 ^ 117)) with (pow (-117)) in H.
  assert (B : (0 <= Z.abs x <= 2 ^ 126 + 2 ^ 9)%Z).
  { split; [apply Z.abs_nonneg|]. apply le_IZR. rewrite plus_IZR, abs_IZR.
    change (IZR (2 ^ 126)) with (pow 126). change (IZR (2 ^ 9)) with (pow 9).
    assert (K : Rabs (IZR x) * pow (-126) <= 1 + pow (-117)).
    { rewrite <- (Rabs_pos_eq (pow (-126))) by apply bpow_ge_0. rewrite <- Rabs_mult.
      bounds. apply Rabs_le. lra. }
    apply Rmult_le_reg_r with (pow (-126)); [apply bpow_gt_0|].
    rewrite Rmult_plus_distr_r, <- !bpow_plus. exact K. }
  assert (P := entry_error (Z.abs x) B). unfold component.
  destruct (entry (Z.abs x)) as [hi lo]. destruct P as (F & Hh & Hl & He & Hz).
  assert (G : format (hi * pow e)).
  { destruct Hz as [->|L]; [rewrite Rmult_0_l; apply generic_format_0|].
    apply mult_bpow_exact_FLT; [exact F|].
    assert (M : (-126 < mag radix2 hi)%Z).
    { apply mag_gt_bpow. exact L. }
    lia. }
  assert (W : 0 < pow e) by apply bpow_gt_0.
  assert (X : Rabs (IZR (Z.abs x) * pow (-126) - Rabs t) <= pow (-117)
              /\ ((x <? 0)%Z = true -> Rabs (- IZR (Z.abs x) * pow (-126) - t) <= pow (-117))
              /\ ((x <? 0)%Z = false -> Rabs (IZR (Z.abs x) * pow (-126) - t) <= pow (-117))).
  { split; [|split].
    - rewrite abs_IZR. rewrite <- (Rabs_pos_eq (pow (-126))) by apply bpow_ge_0.
      rewrite <- Rabs_mult. eapply Rle_trans; [apply Rabs_triang_inv2|exact H].
    - intros S. apply Z.ltb_lt in S. rewrite Z.abs_neq, opp_IZR, Ropp_involutive by lia. exact H.
    - intros S. apply Z.ltb_ge in S. rewrite Z.abs_eq by lia. exact H. }
  destruct X as (_ & Xn & Xp).
  assert (Scale : forall y d, Rabs y <= d -> Rabs (y * pow e) <= pow e * d).
  { intros y d Y. rewrite Rabs_mult, (Rabs_pos_eq (pow e)) by lra. rewrite Rmult_comm.
    apply Rmult_le_compat_l; lra. }
  assert (L54 : pow (e - 54) = pow e * pow (-54)) by (rewrite <- bpow_plus; f_equal).
  destruct (x <? 0)%Z.
  - specialize (Xn eq_refl). split; [rewrite Ropp_mult_distr_l_reverse; now apply generic_format_opp|].
    split; [replace (pow e) with (pow e * 1) at 2 by ring; apply Scale; now rewrite Rabs_Ropp|].
    split; [rewrite L54; apply Scale; now rewrite Rabs_Ropp|]. split.
    + replace (- hi * pow e + - lo * pow e - pow e * t) with ((- hi - lo - t) * pow e) by ring.
      apply Scale. unfold E2. bounds. apply Rabs_le. lra.
    + replace (- hi * pow e - pow e * t) with ((- hi - t) * pow e) by ring.
      apply Scale. unfold E1. bounds. apply Rabs_le. lra.
  - specialize (Xp eq_refl). split; [exact G|].
    split; [replace (pow e) with (pow e * 1) at 2 by ring; now apply Scale|].
    split; [rewrite L54; now apply Scale|]. split.
    + replace (hi * pow e + lo * pow e - pow e * t) with ((hi + lo - t) * pow e) by ring.
      apply Scale. unfold E2. bounds. apply Rabs_le. lra.
    + replace (hi * pow e - pow e * t) with ((hi - t) * pow e) by ring.
      apply Scale. unfold E1. bounds. apply Rabs_le. lra.
Qed.

(** |c| + |d| for a point of the unit disc. *)
Lemma taxicab c d : c * c + d * d <= 1 -> Rabs c + Rabs d <= 1415 / 1000.
Proof.
  intros H. apply Rsqr_incr_0_var; [|lra]. unfold Rsqr.
  assert (A : Rabs c * Rabs c = c * c) by (rewrite <- Rabs_mult; apply Rabs_pos_eq; nra).
  assert (B : Rabs d * Rabs d = d * d) by (rewrite <- Rabs_mult; apply Rabs_pos_eq; nra).
  assert (S := Rle_0_sqr (Rabs c - Rabs d)). unfold Rsqr in S. nra.
Qed.

(** What errors of two factors do to ac + bd, of moduli s and 1: 2 sqrt 2 E (1 + E), scaled. *)
Lemma factors s E a b c d a' b' c' d' :
  0 < s -> 0 < E -> E <= / 1000 ->
  a * a + b * b <= 1 -> c * c + d * d <= 1 ->
  Rabs (a' - s * a) <= s * E -> Rabs (b' - s * b) <= s * E ->
  Rabs (c' - c) <= E -> Rabs (d' - d) <= E ->
  Rabs (a' * c' + b' * d' - s * (a * c + b * d)) <= s * (E * (2831 / 1000 + 2 * E)).
Proof.
  intros S E0 Es A C Ha Hb Hc Hd.
  assert (TA := taxicab a b A). assert (TC := taxicab c d C).
  replace (a' * c' + b' * d' - s * (a * c + b * d))
    with ((a' - s * a) * c + (b' - s * b) * d
          + (s * (a * (c' - c)) + s * (b * (d' - d)))
          + ((a' - s * a) * (c' - c) + (b' - s * b) * (d' - d))) by ring.
  assert (P : forall x y X Y, Rabs x <= X -> Rabs y <= Y -> Rabs (x * y) <= X * Y)
    by (intros; now apply Rabs_mult_le).
  assert (Q1 := P _ _ _ _ Ha (Rle_refl (Rabs c))). assert (Q2 := P _ _ _ _ Hb (Rle_refl (Rabs d))).
  assert (Q3 := P _ _ _ _ (Rle_refl (Rabs a)) Hc). assert (Q4 := P _ _ _ _ (Rle_refl (Rabs b)) Hd).
  assert (Q5 := P _ _ _ _ Ha Hc). assert (Q6 := P _ _ _ _ Hb Hd).
  assert (S1 : Rabs s <= s) by (rewrite Rabs_pos_eq; lra).
  assert (Q7 := P _ _ _ _ S1 Q3). assert (Q8 := P _ _ _ _ S1 Q4).
  assert (R1 : s * E * Rabs c + s * E * Rabs d <= s * E * (1415 / 1000)).
  { rewrite <- Rmult_plus_distr_l. apply Rmult_le_compat_l; [nra|exact TC]. }
  assert (R2 : s * (Rabs a * E) + s * (Rabs b * E) <= s * E * (1415 / 1000)).
  { replace (s * (Rabs a * E) + s * (Rabs b * E)) with (s * E * (Rabs a + Rabs b)) by ring.
    apply Rmult_le_compat_l; [nra|exact TA]. }
  assert (SE : 0 < s * E) by nra.
  replace (s * (E * (2831 / 1000 + 2 * E)))
    with (s * E * (2831 / 1000) + (s * E * E + s * E * E)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. eapply Rle_trans.
  { apply Rplus_le_compat; [apply Rabs_triang|apply Rabs_triang]. }
  eapply Rle_trans.
  { apply Rplus_le_compat_r. apply Rplus_le_compat; apply Rabs_triang. }
  lra.
Qed.

Lemma circle m phi : 0 <= m <= 1 -> m * cos phi * (m * cos phi) + m * sin phi * (m * sin phi) <= 1.
Proof.
  intros M. assert (S := sin2_cos2 phi). unfold Rsqr in S.
  replace (m * cos phi * (m * cos phi) + m * sin phi * (m * sin phi))
    with (m * m * (sin phi * sin phi + cos phi * cos phi)) by ring. rewrite S. nra.
Qed.

Lemma in_disc x y : x * x + y * y <= 1 -> Rabs x <= 1 /\ Rabs y <= 1.
Proof. intros H. split; apply Rabs_le; nra. Qed.

(** A row of the tables: both components. *)
Definition row (e : Z) (z : fixed) : (R * R) * (R * R) := (component e (re z), component e (im z)).

(** [Double::product]: the two sums before the test. *)
Definition double_product (product_error : R -> R -> R) (x y : (R * R) * (R * R)) :=
  let '((ah, al), (bh, bl)) := x in
  let '((ch, cl), (dh, dl)) := y in
  (dot_minus product_error ah al ch cl bh bl dh dl, dot_plus product_error ah al dh dl bh bl ch cl).

(** [Plain::product]. *)
Definition plain_product (x y : (R * R) * (R * R)) : R * R :=
  let '((a, _), (b, _)) := x in
  let '((c, _), (d, _)) := y in
  (plain_minus a b c d, plain_plus a b c d).

Section Kernel.

Variable product_error : R -> R -> R.
Variable accurate_error : accurate product_error.
Variable odd_error : forall x y, product_error (- x) y = - product_error x y.

Variables (e : Z) (n n' : nat) (z z' : fixed) (m phi phi' : R).
Variable E : (-60 <= e)%Z.
Variable N : (n <= 63)%nat.
Variable N' : (n' <= 63)%nat.
Variable High : made n z m phi.
Variable Low : made n' z' 1 phi'.

(** ε of the two kernels. *)
Definition DOUBLE_BOUND : R := (PRODUCT + ENTRY + TEST) * pow (e - 107).
Definition PLAIN_BOUND : R := (PLAIN_PRODUCT + PLAIN_ENTRY + PLAIN_TEST) * pow (e - 54).

Lemma entries_close :
  let '((ah, al), (bh, bl)) := row e z in
  let '((ch, cl), (dh, dl)) := row 0 z' in
  Rabs ((ah + al) * (ch + cl) - (bh + bl) * (dh + dl) - pow e * (m * cos (phi + phi')))
    <= pow e * (E2 * (2831 / 1000 + 2 * E2)) /\
  Rabs ((ah + al) * (dh + dl) + (bh + bl) * (ch + cl) - pow e * (m * sin (phi + phi')))
    <= pow e * (E2 * (2831 / 1000 + 2 * E2)) /\
  Rabs (ah * ch - bh * dh - pow e * (m * cos (phi + phi')))
    <= pow e * (E1 * (2831 / 1000 + 2 * E1)) /\
  Rabs (ah * dh + bh * ch - pow e * (m * sin (phi + phi')))
    <= pow e * (E1 * (2831 / 1000 + 2 * E1)) /\
  (format ah /\ format bh /\ format ch /\ format dh) /\
  (Rabs ah <= pow e /\ Rabs bh <= pow e /\ Rabs ch <= 1 /\ Rabs dh <= 1) /\
  (Rabs al <= pow (e - 54) /\ Rabs bl <= pow (e - 54) /\ Rabs cl <= pow (-54) /\ Rabs dl <= pow (-54)).
Proof.
  assert (M := made_modulus _ _ _ _ High).
  destruct (chain_bound n z m phi High N) as [Zr Zi].
  destruct (chain_bound n' z' 1 phi' Low N') as [Wr Wi].
  assert (D := circle m phi M). assert (D' := circle 1 phi' ltac:(lra)).
  destruct (in_disc _ _ D) as [Dx Dy]. destruct (in_disc _ _ D') as [Dx' Dy'].
  assert (A := component_close e (re z) _ E Dx Zr). assert (B := component_close e (im z) _ E Dy Zi).
  assert (C := component_close 0 (re z') _ ltac:(lia) Dx' Wr).
  assert (F := component_close 0 (im z') _ ltac:(lia) Dy' Wi).
  unfold row. destruct (component e (re z)) as [ah al]. destruct (component e (im z)) as [bh bl].
  destruct (component 0 (re z')) as [ch cl]. destruct (component 0 (im z')) as [dh dl].
  change (pow 0) with 1 in *. change (0 - 54)%Z with (-54)%Z in *.
  destruct A as (Fa & Ha & La & A2 & A1). destruct B as (Fb & Hb & Lb & B2 & B1).
  destruct C as (Fc & Hc & Lc & C2 & C1). destruct F as (Fd & Hd & Ld & F2 & F1).
  rewrite !Rmult_1_l in *.
  assert (W : 0 < pow e) by apply bpow_gt_0.
  assert (P2 : 0 < E2 /\ E2 <= / 1000).
  { unfold E2. assert (0 < pow (-107)) by apply bpow_gt_0. assert (0 < pow (-117)) by apply bpow_gt_0.
    assert (pow (-107) <= pow (-20)) by (apply bpow_le; lia).
    assert (pow (-117) <= pow (-20)) by (apply bpow_le; lia).
    assert (pow (-20) <= / 1000000) by (simpl; lra). lra. }
  assert (P1 : 0 < E1 /\ E1 <= / 1000).
  { destruct P2 as [P2 _]. assert (0 < pow (-54)) by apply bpow_gt_0. unfold E1. unfold E2 in P2.
    assert (pow (-107) <= pow (-20)) by (apply bpow_le; lia).
    assert (pow (-117) <= pow (-20)) by (apply bpow_le; lia).
    assert (pow (-54) <= pow (-20)) by (apply bpow_le; lia).
    assert (pow (-20) <= / 1000000) by (simpl; lra). lra. }
  assert (Neg : forall x y d, Rabs (x - y) <= d -> Rabs (- x - - y) <= d).
  { intros x y d H. replace (- x - - y) with (- (x - y)) by ring. now rewrite Rabs_Ropp. }
  assert (Ds : forall x y, x * x + y * y <= 1 -> x * x + - y * - y <= 1) by (intros; nra).
  assert (Dt : forall x y, x * x + y * y <= 1 -> y * y + x * x <= 1) by (intros; lra).
  rewrite cos_plus, sin_plus. repeat split; try assumption.
  - replace ((ah + al) * (ch + cl) - (bh + bl) * (dh + dl) - pow e * (m * (cos phi * cos phi' - sin phi * sin phi')))
      with ((ah + al) * (ch + cl) + (bh + bl) * - (dh + dl)
            - pow e * (m * cos phi * cos phi' + m * sin phi * - sin phi')) by ring.
    apply factors; try tauto; [apply Ds; lra|now apply Neg].
  - replace ((ah + al) * (dh + dl) + (bh + bl) * (ch + cl) - pow e * (m * (sin phi * cos phi' + cos phi * sin phi')))
      with ((ah + al) * (dh + dl) + (bh + bl) * (ch + cl)
            - pow e * (m * cos phi * sin phi' + m * sin phi * cos phi')) by ring.
    apply factors; try tauto; lra.
  - replace (ah * ch - bh * dh - pow e * (m * (cos phi * cos phi' - sin phi * sin phi')))
      with (ah * ch + bh * - dh - pow e * (m * cos phi * cos phi' + m * sin phi * - sin phi')) by ring.
    apply factors; try tauto; [apply Ds; lra|now apply Neg].
  - replace (ah * dh + bh * ch - pow e * (m * (sin phi * cos phi' + cos phi * sin phi')))
      with (ah * dh + bh * ch - pow e * (m * cos phi * sin phi' + m * sin phi * cos phi')) by ring.
    apply factors; try tauto; lra.
Qed.

End Kernel.
