(** What a table of the ladder says is true: if both ends of the kernel's enclosure round alike, the
    stored number is the correctly rounded one. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
From Flocq Require Import Core.
Require Import Float Product Rounding Entry Fixed Chain Ladder.
Open Scope R_scope.

Section Certified.

Variable product_error : R -> R -> R.
Variable accurate_error : accurate product_error.
Variable odd_error : forall x y, product_error (- x) y = - product_error x y.

Variables (e : Z) (n n' : nat) (z z' : fixed) (m phi phi' : R).
Variable E : (-60 <= e)%Z.
Variable N : (n <= 63)%nat.
Variable N' : (n' <= 63)%nat.
Variable High : made n z m phi.
Variable Low : made n' z' 1 phi'.

Let cosine := pow e * (m * cos (phi + phi')).
Let sine := pow e * (m * sin (phi + phi')).

(** What the errors of two double-double entries do is less than 3 units less the underflows. *)
Lemma double_entries :
  pow e * (E2 * (2831 / 1000 + 2 * E2)) + pow (-1071) <= 3 * pow (e - 107).
Proof.
  assert (W : 0 < pow e) by apply bpow_gt_0.
  assert (P : pow (-1071) <= pow e * pow (-130)).
  { rewrite <- bpow_plus. apply bpow_le. lia. }
  replace (pow (e - 107)) with (pow e * pow (-107)) by (rewrite <- bpow_plus; f_equal).
  assert (A : E2 = pow (-107) * (1 + / 1024)).
  { unfold E2. change (-117)%Z with (-107 + -10)%Z. rewrite bpow_plus.
    replace (pow (-10)) with (/ 1024) by reflexivity. ring. }
  assert (B : pow (-107) <= / 1000000).
  { apply Rle_trans with (pow (-20)); [apply bpow_le; lia|simpl; lra]. }
  assert (C : pow (-130) <= / 1000 * pow (-107)).
  { change (-130)%Z with (-23 + -107)%Z. rewrite bpow_plus.
    apply Rmult_le_compat_r; [apply bpow_ge_0|simpl; lra]. }
  assert (D : 0 < pow (-107)) by apply bpow_gt_0.
  assert (F : E2 * (2831 / 1000 + 2 * E2) + pow (-130) <= 3 * pow (-107)).
  { rewrite A. set (t := pow (-107)) in *. nra. }
  apply Rle_trans with (pow e * (E2 * (2831 / 1000 + 2 * E2) + pow (-130))); [nra|].
  apply Rle_trans with (pow e * (3 * pow (-107))); [apply Rmult_le_compat_l; lra|]. lra.
Qed.

(** Product and entries together: 17 units of 2^-107. *)
Theorem double_error :
  let (c, s) := double_product product_error (row e z) (row 0 z') in
  (Rabs (fst c + snd c - cosine) <= (PRODUCT + ENTRY) * pow (e - 107) /\ Rabs (snd c) <= pow (e - 51)) /\
  (Rabs (fst s + snd s - sine) <= (PRODUCT + ENTRY) * pow (e - 107) /\ Rabs (snd s) <= pow (e - 51)).
Proof.
  assert (K := entries_close e n n' z z' m phi phi' E N N' High Low).
  assert (DE := double_entries).
  destruct (row e z) as [[ah al] [bh bl]]. destruct (row 0 z') as [[ch cl] [dh dl]].
  destruct K as (K1 & K2 & _ & _ & (Fa & Fb & Fc & Fd) & (Ha & Hb & Hc & Hd) & (La & Lb & Lc & Ld)).
  assert (C := dot_minus_close product_error accurate_error odd_error e ah al ch cl bh bl dh dl
    E Fa Fc Fb Fd Ha La Hb Lb Hc Lc Hd Ld).
  assert (S := dot_plus_close product_error accurate_error e ah al dh dl bh bl ch cl
    E Fa Fd Fb Fc Ha La Hb Lb Hd Ld Hc Lc).
  unfold double_product, close in *.
  destruct (dot_minus product_error ah al ch cl bh bl dh dl) as [cs cl'].
  destruct (dot_plus product_error ah al dh dl bh bl ch cl) as [ss sl'].
  cbn [fst snd]. destruct C as (C1 & _ & C3). destruct S as (S1 & _ & S3).
  unfold cosine, sine, PRODUCT, ENTRY. repeat split; try assumption; bounds; apply Rabs_le; lra.
Qed.

(** ** f64 tables. *)
Theorem double_certified :
  let eps := DOUBLE_BOUND e in
  let ends x := (RN (fst x + RN (snd x - eps)), RN (fst x + RN (snd x + eps))) in
  let (c, s) := double_product product_error (row e z) (row 0 z') in
  (fst (ends c) = snd (ends c) -> fst (ends c) = RN cosine) /\
  (fst (ends s) = snd (ends s) -> fst (ends s) = RN sine).
Proof.
  assert (K := double_error).
  destruct (double_product product_error (row e z) (row 0 z')) as [[c cl] [s sl]].
  cbn [fst snd] in *. destruct K as [[C Cl] [S Sl]].
  assert (W : 0 < pow (e - 107)) by apply bpow_gt_0.
  assert (L : pow (e - 51) + DOUBLE_BOUND e <= pow (e - 50)).
  { unfold DOUBLE_BOUND, PRODUCT, ENTRY, TEST.
    assert (pow (e - 107) <= / 32 * pow (e - 51)).
    { replace (e - 107)%Z with (-56 + (e - 51))%Z by ring. rewrite bpow_plus.
      apply Rmult_le_compat_r; [apply bpow_ge_0|]. apply Rle_trans with (pow (-5)).
      - apply bpow_le. lia.
      - simpl. lra. }
    replace (e - 50)%Z with (e - 51 + 1)%Z by ring. rewrite pow_double. lra. }
  assert (P : 0 <= DOUBLE_BOUND e) by (unfold DOUBLE_BOUND, PRODUCT, ENTRY, TEST; lra).
  split; intros H; symmetry.
  - apply (double_test e cosine c cl _ _ E C); try assumption; [lra|].
    unfold DOUBLE_BOUND, TEST. lra.
  - apply (double_test e sine s sl _ _ E S); try assumption; [lra|].
    unfold DOUBLE_BOUND, TEST. lra.
Qed.

(** ** Tables of narrower formats. *)
Lemma plain_entries : pow e * (E1 * (2831 / 1000 + 2 * E1)) <= 3 * pow (e - 54).
Proof.
  assert (W : 0 < pow e) by apply bpow_gt_0.
  replace (pow (e - 54)) with (pow e * pow (-54)) by (rewrite <- bpow_plus; f_equal).
  assert (A : E1 <= pow (-54) * (1 + / 1024)).
  { unfold E1. assert (pow (-107) <= pow (-54) * / 2048).
    { change (/ 2048) with (pow (-11)). rewrite <- bpow_plus. apply bpow_le. lia. }
    assert (pow (-117) <= pow (-54) * / 2048).
    { change (/ 2048) with (pow (-11)). rewrite <- bpow_plus. apply bpow_le. lia. }
    lra. }
  assert (A0 : 0 < E1).
  { unfold E1. assert (0 < pow (-54)) by apply bpow_gt_0.
    assert (0 < pow (-107)) by apply bpow_gt_0. assert (0 < pow (-117)) by apply bpow_gt_0. lra. }
  assert (B : pow (-54) <= / 1000000).
  { apply Rle_trans with (pow (-20)); [apply bpow_le; lia|simpl; lra]. }
  assert (D : 0 < pow (-54)) by apply bpow_gt_0.
  assert (F : E1 * (2831 / 1000 + 2 * E1) <= 3 * pow (-54)).
  { set (t := pow (-54)) in *.
    apply Rle_trans with (t * (1 + / 1024) * (2831 / 1000 + 2 * (t * (1 + / 1024)))).
    - apply Rmult_le_compat; lra.
    - nra. }
  apply Rle_trans with (pow e * (3 * pow (-54))); [apply Rmult_le_compat_l; lra|]. lra.
Qed.

(** Any monotone last rounding: binary32, bf16 and binary16 are three. *)
Theorem plain_certified narrow :
  (forall x y, x <= y -> narrow x <= narrow y) ->
  let eps := PLAIN_BOUND e in
  let ends v := (narrow (RN (v - eps)), narrow (RN (v + eps))) in
  let (c, s) := Ladder.plain_product (row e z) (row 0 z') in
  (fst (ends c) = snd (ends c) -> fst (ends c) = narrow cosine) /\
  (fst (ends s) = snd (ends s) -> fst (ends s) = narrow sine).
Proof.
  intros Mono.
  assert (K := entries_close e n n' z z' m phi phi' E N N' High Low).
  assert (PE := plain_entries). assert (M := made_modulus _ _ _ _ High).
  destruct (row e z) as [[a al] [b bl]]. destruct (row 0 z') as [[c cl] [d dl]].
  destruct K as (_ & _ & K3 & K4 & _ & (Ha & Hb & Hc & Hd) & _).
  destruct (Rounding.plain_product e a b c d E Ha Hb Hc Hd) as [C S].
  unfold Ladder.plain_product. cbn [fst snd].
  fold cosine in K3. fold sine in K4.
  assert (W : 0 < pow e) by apply bpow_gt_0.
  assert (T : pow (e - 54) <= / 1000 * pow e).
  { unfold Z.sub. rewrite Z.add_comm, bpow_plus. apply Rmult_le_compat_r; [lra|].
    apply Rle_trans with (pow (-10)); [apply bpow_le; lia|simpl; lra]. }
  assert (U : 0 < pow (e - 54)) by apply bpow_gt_0.
  assert (Size : forall f, -1 <= f <= 1 -> Rabs (pow e * (m * f)) <= pow e).
  { intros f F. rewrite Rabs_mult, (Rabs_pos_eq (pow e)) by lra.
    rewrite <- (Rmult_1_r (pow e)) at 2. apply Rmult_le_compat_l; [lra|]. apply Rabs_le. nra. }
  assert (Sc := Size _ (COS_bound (phi + phi'))). assert (Ss := Size _ (SIN_bound (phi + phi'))).
  fold cosine in Sc. fold sine in Ss.
  assert (G : forall v x p, Rabs (v - p) <= 4 * pow (e - 54) ->
    Rabs (p - x) <= pow e * (E1 * (2831 / 1000 + 2 * E1)) -> Rabs x <= pow e ->
    narrow (RN (v - PLAIN_BOUND e)) = narrow (RN (v + PLAIN_BOUND e)) ->
    narrow x = narrow (RN (v - PLAIN_BOUND e))).
  { intros v x p V P X. unfold PLAIN_BOUND, PLAIN_PRODUCT, PLAIN_ENTRY, PLAIN_TEST.
    apply (plain_test e x v (7 * pow (e - 54))); try assumption; try lra.
    - bounds. apply Rabs_le. lra.
    - rewrite pow_double. bounds. assert (Rabs v <= pow e + 7 * pow (e - 54)) by (apply Rabs_le; lra).
      lra. }
  split; intros H; symmetry.
  - exact (G _ _ _ C K3 Sc H).
  - exact (G _ _ _ S K4 Ss H).
Qed.

End Certified.
