(** binary64 as Flocq has it, subnormal numbers included, and how far a rounding moves a number. No
    operation of the ladder is near overflow, so the format has no largest number here. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
From Flocq Require Import Core Mult_error Pff2Flocq.
Open Scope R_scope.

Notation pow := (bpow radix2).

Definition fexp64 : Z -> Z := FLT_exp (-1074) 53.
Notation format := (generic_format radix2 fexp64).

(** To nearest, ties to even. *)
Definition RN : R -> R := round radix2 fexp64 ZnearestE.

Global Instance prec_53 : Prec_gt_0 53 := eq_refl.
Global Instance valid64 : Valid_exp fexp64 := FLT_exp_valid (-1074) 53.
Global Instance monotone64 : Monotone_exp fexp64 := FLT_exp_monotone (-1074) 53.

Lemma format_RN x : format (RN x).
Proof. apply generic_format_round; auto with typeclass_instances. Qed.

Lemma RN_format x : format x -> RN x = x.
Proof. intros H. apply round_generic; auto with typeclass_instances. Qed.

Lemma RN_le x y : x <= y -> RN x <= RN y.
Proof. apply round_le; auto with typeclass_instances. Qed.

Lemma RN_opp x : RN (- x) = - RN x.
Proof. apply round_NE_opp. Qed.

Lemma format_pow k : (-1074 <= k)%Z -> format (pow k).
Proof.
  intros H. apply generic_format_bpow. unfold fexp64, FLT_exp. lia.
Qed.

Lemma pow_lt i j : (i < j)%Z -> pow i < pow j.
Proof. apply bpow_lt. Qed.

(** A number of magnitude at most 2^k stays so, and moves by at most 2^(k - 54). *)
Lemma RN_bound k x : (-1074 <= k)%Z -> Rabs x <= pow k -> Rabs (RN x) <= pow k.
Proof.
  intros K H. apply abs_round_le_generic; auto with typeclass_instances.
  now apply format_pow.
Qed.

Lemma RN_error k x : (-1020 <= k)%Z -> Rabs x <= pow k -> Rabs (RN x - x) <= pow (k - 54).
Proof.
  intros K H. destruct (Req_dec (Rabs x) (pow k)) as [E|N].
  - rewrite RN_format.
    + rewrite Rminus_eq_0, Rabs_R0. apply bpow_ge_0.
    + apply generic_format_abs_inv. rewrite E. apply format_pow. lia.
  - apply Rle_trans with (/ 2 * ulp radix2 fexp64 x).
    { apply error_le_half_ulp; auto with typeclass_instances. }
    replace (pow (k - 54)) with (/ 2 * pow (k - 53)).
    2: { replace (k - 53)%Z with (k - 54 + 1)%Z by ring. rewrite bpow_plus_1. simpl IZR. field. }
    apply Rmult_le_compat_l; [lra|].
    destruct (Req_dec x 0) as [->|X].
    { unfold fexp64. rewrite ulp_FLT_0 by auto with typeclass_instances. apply bpow_le. lia. }
    rewrite ulp_neq_0 by exact X. apply bpow_le. unfold cexp, fexp64, FLT_exp.
    assert (M : (mag radix2 x <= k)%Z) by (apply mag_le_bpow; [exact X|lra]). lia.
Qed.

(** ** The error of a product, two ways. *)

(** x y - p with p = RN (x y), by a fused multiply-add. *)
Definition fused (x y : R) : R := RN (x * y - RN (x * y)).

(** The upper half of a number (Veltkamp), as [split] in src/exact/ladder/lanes.rs. *)
Definition upper (x : R) : R := let c := RN ((pow 27 + 1) * x) in RN (c - RN (c - x)).

(** The same error by Dekker's products, as the portable [product_error]. *)
Definition dekker (x y : R) : R :=
  let p := RN (x * y) in
  let ah := upper x in let al := RN (x - ah) in
  let bh := upper y in let bl := RN (y - bh) in
  RN (RN (RN (RN (RN (ah * bh) - p) + RN (ah * bl)) + RN (al * bh)) + RN (al * bl)).

(** Both are the error itself unless the product underflows, and then off by next to nothing. *)
Definition accurate (error : R -> R -> R) : Prop :=
  forall x y, format x -> format y ->
    Rabs (error x y - (x * y - RN (x * y))) <= pow (-1072) /\
    (x * y = 0 \/ pow (-969) <= Rabs (x * y) -> error x y = x * y - RN (x * y)).

Theorem fused_accurate : accurate fused.
Proof.
  intros x y Fx Fy. assert (E : x * y = 0 \/ pow (-969) <= Rabs (x * y) ->
    fused x y = x * y - RN (x * y)).
  { intros H. unfold fused. apply RN_format.
    replace (x * y - RN (x * y)) with (- (RN (x * y) - x * y)) by ring.
    apply generic_format_opp. unfold RN, fexp64.
    apply mult_error_FLT; auto with typeclass_instances. intros N.
    destruct H as [H|H]; [contradiction|exact H]. }
  split; [|exact E].
  destruct (Rle_or_lt (pow (-969)) (Rabs (x * y))) as [L|S].
  { rewrite E by now right. rewrite Rminus_eq_0, Rabs_R0. apply bpow_ge_0. }
  assert (D : Rabs (x * y - RN (x * y)) <= pow (-1020)).
  { rewrite Rabs_minus_sym. apply Rle_trans with (pow (-969 - 54)).
    - apply RN_error; [lia|lra].
    - apply bpow_le. lia. }
  apply Rle_trans with (pow (-1020 - 54)); [|apply bpow_le; lia].
  unfold fused. apply RN_error; [lia|exact D].
Qed.

Theorem dekker_accurate : accurate dekker.
Proof.
  intros x y Fx Fy.
  assert (D := Dekker radix2 (-1074) 53 (fun z => negb (Z.even z)) ltac:(lia) ltac:(lia)
                 x y Fx Fy (or_introl eq_refl)).
  change (53 - Z.div2 53)%Z with 27%Z in D. destruct D as [E B].
  set (r := round radix2 (FLT_exp (-1074) 53) ZnearestE) in *.
  assert (S : forall a b, r (a - b) = r (- b + a)) by (intros; f_equal; ring).
  assert (U : forall z, upper z = r (r (z - r (z * (pow 27 + 1))) + r (z * (pow 27 + 1)))).
  { intros z. unfold upper. fold r. change RN with r.
    rewrite (Rmult_comm (pow 27 + 1)).
    rewrite <- (Ropp_minus_distr z (r (z * (pow 27 + 1)))).
    change (r (- (z - r (z * (pow 27 + 1))))) with (RN (- (z - r (z * (pow 27 + 1))))).
    rewrite RN_opp. change RN with r. f_equal. ring. }
  assert (K : dekker x y = r (r (r (r (- r (x * y) + r (upper x * upper y))
      + r (upper x * r (y - upper y))) + r (r (x - upper x) * upper y))
      + r (r (x - upper x) * r (y - upper y)))).
  { unfold dekker. change RN with r. rewrite S. reflexivity. }
  split.
  - apply Rle_trans with (7 / 2 * pow (-1074)).
    + rewrite Rabs_minus_sym. replace (x * y - RN (x * y) - dekker x y)
        with (x * y - (RN (x * y) + dekker x y)) by ring.
      rewrite K, !U. exact B.
    + change (-1072)%Z with (2 + -1074)%Z. rewrite bpow_plus. simpl (pow 2).
      assert (P := bpow_ge_0 radix2 (-1074)). lra.
  - intros H. assert (X := E H). change RN with r. rewrite K, !U. lra.
Qed.
