(** The rounding tests of a rotation, and all of it together: if both ends of the program's enclosure
    round alike, what is stored is the correctly rounded rotation. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
From Flocq Require Import Core.
Require Import Float Product Rounding Entry Fixed Chain Ladder Certified Rotate.
Open Scope R_scope.

(** Units of 2^-107 times the larger of |x| and |y|: the test. *)
Definition ROTATE_TEST : R := 11.

Section Test.

(** As in [Rotate]. *)
Variables (e : Z) (size : R).
Variable E : (-60 <= e)%Z.
Variable Size : pow (-400) <= size.
Local Notation a := (scale1 e size).
Local Notation b := (scale2 e size).
Local Notation lost := (lost e size E Size).

(** ε, as the program computes it from the larger of |x| and |y|. *)
Definition ROTATE_BOUND : R := (ROTATE + 2 * (PRODUCT + ENTRY) + ROTATE_TEST + 1) * pow (e - 107).
Definition epsilon : R := RN (size * ROTATE_BOUND).

Lemma epsilon_bounds :
  729 / 10 * (size * pow (e - 107)) <= epsilon <= 731 / 10 * (size * pow (e - 107)).
Proof.
  destruct (scales e size E Size) as (T & A & B & _ & B1 & C & _ & N & V).
  assert (Size0 : 0 < size) by (apply Rlt_le_trans with (2 := Size); apply bpow_gt_0).
  assert (H : size * ROTATE_BOUND = 73 / 2 * b)
    by (rewrite V; unfold ROTATE_BOUND, ROTATE, PRODUCT, ENTRY, ROTATE_TEST; field).
  assert (L := lost 0 0 (73 / 2) (size * ROTATE_BOUND) ltac:(lra)
    ltac:(rewrite H, Rabs_pos_eq by lra; lra)).
  unfold epsilon. rewrite H in *. replace (size * pow (e - 107)) with (b / 2) by lra.
  set (r := RN (73 / 2 * b)) in *.
  assert (Exact : Rabs (r - 73 / 2 * b) <= / 20 * b) by (eapply Rle_trans; [exact L|lra]).
  bounds. lra.
Qed.

(** ** f64: if both ends round alike, that is the rounding of the exact rotation. *)
Theorem rotation_test x sum low :
  Rabs (sum + low - x) <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107)) ->
  Rabs low <= 13 / 10 * 4 * a ->
  RN (sum + RN (low - epsilon)) = RN (sum + RN (low + epsilon)) ->
  RN x = RN (sum + RN (low - epsilon)).
Proof.
  destruct (scales e size E Size) as (T & A & B & _ & B1 & _ & _ & _ & V). assert (P := epsilon_bounds).
  replace (size * pow (e - 107)) with (b / 2) in * by lra. unfold ROTATE, PRODUCT, ENTRY. intros H L Q.
  set (eps := epsilon) in *. clearbody eps. bounds.
  assert (N1 := lost 0 (52 / 10) 37 (low - eps) ltac:(lra) ltac:(apply Rabs_le; lra)).
  assert (N2 := lost 0 (52 / 10) 37 (low + eps) ltac:(lra) ltac:(apply Rabs_le; lra)).
  bounds. apply Rle_antisym.
  - rewrite Q. apply RN_le. lra.
  - apply RN_le. lra.
Qed.

(** ** Narrower formats: the rounded sum, widened by 2^-51 of itself, then one monotone rounding. *)
Theorem narrow_rotation_test x sum low narrow :
  (forall x y, x <= y -> narrow x <= narrow y) ->
  Rabs (sum + low - x) <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107)) ->
  let v := RN (sum + low) in
  let slack := RN (RN (Rabs v * pow (-51)) + epsilon) in
  narrow (RN (v - slack)) = narrow (RN (v + slack)) ->
  narrow x = narrow (RN (v - slack)).
Proof.
  destruct (scales e size E Size) as (T & A & B & _ & B1 & _ & _ & N & V). assert (P := epsilon_bounds).
  intros Mono H v slack Q. unfold ROTATE, PRODUCT, ENTRY in H.
  replace (size * pow (e - 107)) with (b / 2) in * by lra. set (eps := epsilon) in *. clearbody eps.
  assert (U : 0 < pow (-53) <= / 1000000).
  { split; [apply bpow_gt_0|]. apply Rle_trans with (pow (-20)); [apply bpow_le; lia|simpl; lra]. }
  assert (F4 : pow (-51) = 4 * pow (-53)) by (change (-51)%Z with (2 + -53)%Z; now rewrite bpow_plus).
  (* g = 2^-53 |v|, and what its roundings lose. *)
  set (g := pow (-53) * Rabs v).
  assert (G0 : 0 <= g) by (apply Rmult_le_pos; [lra|apply Rabs_pos]).
  assert (V0 : Rabs (v - (sum + low)) <= (1 + / 1000) * g + / 1000 * b).
  { set (w := sum + low) in *. assert (R1 := RN_relative w _ (Rle_refl _)). fold v in R1.
    assert (W : Rabs w <= (1 + / 2000) * Rabs v + / 1000 * b).
    { assert (Rabs w <= Rabs v + Rabs (v - w)).
      { replace w with (v - (v - w)) at 1 by ring. eapply Rle_trans; [apply Rabs_triang|].
        rewrite Rabs_Ropp. lra. }
      assert (pow (-53) * Rabs w <= / 1000000 * Rabs w)
        by (apply Rmult_le_compat_r; [apply Rabs_pos|lra]).
      assert (0 <= Rabs v) by apply Rabs_pos. lra. }
    assert (K : pow (-53) * Rabs w <= pow (-53) * ((1 + / 2000) * Rabs v + / 1000 * b))
      by (apply Rmult_le_compat_l; [lra|exact W]).
    assert (pow (-53) * (/ 1000 * b) <= / 1000000 * (/ 1000 * b)) by (apply Rmult_le_compat_r; lra).
    rewrite Rmult_plus_distr_l in K. apply Rle_trans with (1 := R1). unfold g in *. lra. }
  assert (R51 : Rabs (RN (Rabs v * pow (-51)) - 4 * g) <= / 1000 * g + / 1000000 * b).
  { assert (R1 := RN_relative (Rabs v * pow (-51)) (4 * g)
      ltac:(rewrite F4; unfold g; rewrite Rabs_pos_eq by (assert (0 <= Rabs v) by apply Rabs_pos; nra); lra)).
    rewrite F4 in R1 at 2. replace (Rabs v * (4 * pow (-53))) with (4 * g) in R1 by (unfold g; ring).
    rewrite F4. rewrite F4 in R1. apply Rle_trans with (1 := R1).
    assert (pow (-53) * (4 * g) <= / 1000000 * (4 * g)) by (apply Rmult_le_compat_r; lra). lra. }
  set (r := RN (Rabs v * pow (-51))) in *. bounds.
  assert (Sl : Rabs (slack - (r + eps)) <= / 1000 * g + / 1000 * b).
  { unfold slack. eapply Rle_trans; [apply (RN_relative (r + eps) (5 * g + 37 * b)); apply Rabs_le; lra|].
    assert (pow (-53) * (5 * g + 37 * b) <= / 1000000 * (5 * g + 37 * b)) by (apply Rmult_le_compat_r; lra).
    lra. }
  bounds.
  assert (Ends : forall d, Rabs d <= slack -> Rabs (RN (v + d) - (v + d)) <= (1 + / 1000) * g + / 1000 * b).
  { intros d Hd. eapply Rle_trans; [apply (RN_relative (v + d) (Rabs v + (5 * g + 38 * b)))|].
    - eapply Rle_trans; [apply Rabs_triang|]. lra.
    - rewrite Rmult_plus_distr_l. fold g.
      assert (pow (-53) * (5 * g + 38 * b) <= / 1000000 * (5 * g + 38 * b)) by (apply Rmult_le_compat_r; lra).
      lra. }
  assert (E1 := Ends (- slack) ltac:(rewrite Rabs_Ropp, Rabs_pos_eq by lra; lra)).
  assert (E2 := Ends slack ltac:(rewrite Rabs_pos_eq by lra; lra)).
  fold (v - slack) in E1. bounds. apply Rle_antisym.
  - rewrite Q. apply Mono. lra.
  - apply Mono. lra.
Qed.

End Test.

(** ** All of it: x + iy turned by the product of two rows, forward or backward. *)
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

Variables (size x y : R) (clockwise : bool).
Variable Size : pow (-400) <= size.
Variable X : format x /\ Rabs x <= size.
Variable Y : format y /\ Rabs y <= size.

Let angle := if clockwise then - (phi + phi') else phi + phi'.
Let real := pow e * (m * (x * cos angle - y * sin angle)).
Let imaginary := pow e * (m * (x * sin angle + y * cos angle)).

Lemma dot_format ah al ch cl bh bl dh dl :
  (format (fst (dot_minus product_error ah al ch cl bh bl dh dl)) /\
   format (snd (dot_minus product_error ah al ch cl bh bl dh dl))) /\
  (format (fst (dot_plus product_error ah al ch cl bh bl dh dl)) /\
   format (snd (dot_plus product_error ah al ch cl bh bl dh dl))).
Proof. repeat split; apply format_RN. Qed.

Lemma rotation_error :
  let (c, s) := double_product product_error (row e z) (row 0 z') in
  let (r, i) := turn product_error clockwise x y c s in
  (Rabs (fst r + snd r - real) <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107))
   /\ Rabs (snd r) <= 13 / 10 * 4 * scale1 e size) /\
  (Rabs (fst i + snd i - imaginary) <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107))
   /\ Rabs (snd i) <= 13 / 10 * 4 * scale1 e size).
Proof.
  assert (K := double_error product_error accurate_error odd_error e n n' z z' m phi phi' E N N' High Low).
  assert (M := made_modulus _ _ _ _ High). assert (W : 0 < pow e) by apply bpow_gt_0.
  assert (Small : forall f, -1 <= f <= 1 -> Rabs (pow e * (m * f)) <= pow e).
  { intros f F. rewrite Rabs_mult, (Rabs_pos_eq (pow e)) by lra.
    rewrite <- (Rmult_1_r (pow e)) at 2. apply Rmult_le_compat_l; [lra|]. apply Rabs_le. nra. }
  assert (Fmt : let (c, s) := double_product product_error (row e z) (row 0 z') in
    (format (fst c) /\ format (snd c)) /\ (format (fst s) /\ format (snd s))).
  { destruct (row e z) as [[ah al] [bh bl]]. destruct (row 0 z') as [[ch cl] [dh dl]].
    unfold double_product. split; apply dot_format. }
  destruct (double_product product_error (row e z) (row 0 z')) as [c s].
  destruct K as [[C _] [S _]]. destruct Fmt as [Fc Fs].
  assert (T := turn_error product_error accurate_error odd_error e size E Size clockwise x y c s
    (pow e * (m * cos (phi + phi'))) (pow e * (m * sin (phi + phi')))
    (proj1 X) (proj1 Y) (proj2 X) (proj2 Y)
    (conj Fc (conj C (Small _ (COS_bound _)))) (conj Fs (conj S (Small _ (SIN_bound _))))).
  cbv zeta in T. destruct (turn product_error clockwise x y c s) as [r i].
  assert (Re : real = x * (pow e * (m * cos (phi + phi')))
    - y * (if clockwise then - (pow e * (m * sin (phi + phi'))) else pow e * (m * sin (phi + phi')))).
  { unfold real, angle. destruct clockwise; rewrite ?cos_neg, ?sin_neg; ring. }
  assert (Im : imaginary = x * (if clockwise then - (pow e * (m * sin (phi + phi'))) else pow e * (m * sin (phi + phi')))
    + y * (pow e * (m * cos (phi + phi')))).
  { unfold imaginary, angle. destruct clockwise; rewrite ?cos_neg, ?sin_neg; ring. }
  rewrite Re, Im. exact T.
Qed.

(** For f64, where both ends round alike, what is stored is the correctly rounded rotation. *)
Theorem rotation_certified :
  let eps := epsilon e size in
  let ends u := (RN (fst u + RN (snd u - eps)), RN (fst u + RN (snd u + eps))) in
  let (c, s) := double_product product_error (row e z) (row 0 z') in
  let (r, i) := turn product_error clockwise x y c s in
  (fst (ends r) = snd (ends r) -> fst (ends r) = RN real) /\
  (fst (ends i) = snd (ends i) -> fst (ends i) = RN imaginary).
Proof.
  assert (K := rotation_error). destruct (double_product _ _ _) as [c s].
  destruct (turn _ _ _ _ _ _) as [[r rl] [i il]]. cbn [fst snd] in *.
  destruct K as [[R1 R2] [I1 I2]]. split; intros H; symmetry.
  - now apply (rotation_test e size E Size).
  - now apply (rotation_test e size E Size).
Qed.

(** The same for any monotone last rounding. *)
Theorem narrow_rotation_certified narrow :
  (forall a b, a <= b -> narrow a <= narrow b) ->
  let ends u :=
    let v := RN (fst u + snd u) in
    let slack := RN (RN (Rabs v * pow (-51)) + epsilon e size) in
    (narrow (RN (v - slack)), narrow (RN (v + slack))) in
  let (c, s) := double_product product_error (row e z) (row 0 z') in
  let (r, i) := turn product_error clockwise x y c s in
  (fst (ends r) = snd (ends r) -> fst (ends r) = narrow real) /\
  (fst (ends i) = snd (ends i) -> fst (ends i) = narrow imaginary).
Proof.
  intros Mono. assert (K := rotation_error). destruct (double_product _ _ _) as [c s].
  destruct (turn _ _ _ _ _ _) as [[r rl] [i il]]. cbn [fst snd] in *.
  destruct K as [[R1 R2] [I1 I2]]. split; intros H; symmetry.
  - now apply (narrow_rotation_test e size E Size _ r rl).
  - now apply (narrow_rotation_test e size E Size _ i il).
Qed.

End Kernel.
