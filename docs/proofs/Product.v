(** One double-double complex product, as [dot] in src/exact/ladder/entry.rs computes it.

    re = ac - bd and im = ad + bc of numbers a = ah + al, …: the leading products and their errors,
    a TwoSum of the leading products, the cross products rounded one by one; al·cl and bl·dl are
    dropped. The result is an unevaluated sum. The table of src/exact/ladder/bound.rs, line by line. *)

From Coq Require Import Reals ZArith Lra Lia.
From Flocq Require Import Core Pff2Flocq.
Require Import Float.
Open Scope R_scope.

(** Absolute values as two inequalities, which linear arithmetic likes better. *)
Ltac bounds := repeat match goal with H : Rabs _ <= _ |- _ => apply Rabs_le_inv in H end.
Ltac powers := change (pow 1) with 2 in *; change (pow 2) with 4 in *; change (pow 3) with 8 in *.

Section Dot.

(** How the error of a product is computed: [fused] or [dekker]. *)
Variable product_error : R -> R -> R.

(** ac + bd, the case without MINUS. *)
Definition dot_plus (ah al ch cl bh bl dh dl : R) : R * R :=
  let p := RN (ah * ch) in
  let p_error := product_error ah ch in
  let q := RN (bh * dh) in
  let q_error := product_error bh dh in
  let sum := RN (p + q) in
  let z := RN (sum - p) in
  let p_rest := RN (p - RN (sum - z)) in
  let sum_error := RN (p_rest + RN (q - z)) in
  let cross := RN (RN (RN (ah * cl) + RN (al * ch)) + RN (RN (bh * dl) + RN (bl * dh))) in
  let low := RN (RN (RN (p_error + q_error) + sum_error) + cross) in
  (sum, low).

(** ac - bd, the case with MINUS. *)
Definition dot_minus (ah al ch cl bh bl dh dl : R) : R * R :=
  let p := RN (ah * ch) in
  let p_error := product_error ah ch in
  let q := RN (bh * dh) in
  let q_error := product_error bh dh in
  let sum := RN (p - q) in
  let z := RN (sum - p) in
  let p_rest := RN (p - RN (sum - z)) in
  let sum_error := RN (p_rest - RN (q + z)) in
  let cross := RN (RN (RN (ah * cl) + RN (al * ch)) - RN (RN (bh * dl) + RN (bl * dh))) in
  let low := RN (RN (RN (p_error - q_error) + sum_error) + cross) in
  (sum, low).

Variable accurate_error : accurate product_error.

Lemma pow_double k : pow (k + 1) = 2 * pow k.
Proof. rewrite Z.add_comm, bpow_plus. reflexivity. Qed.

(** A step whose magnitude is at most 2^j · 2^(e - 54): what it yields, and what it loses. *)
Lemma step e j x :
  (-60 <= e)%Z -> (-1 <= j)%Z -> Rabs x <= pow (e - 54 + j) ->
  Rabs (RN x) <= pow (e - 54 + j) /\ Rabs (RN x - x) <= pow (e - 108 + j).
Proof.
  intros E J H. split; [apply RN_bound; [lia|exact H]|].
  replace (e - 108 + j)%Z with (e - 54 + j - 54)%Z by ring. apply RN_error; [lia|exact H].
Qed.

Lemma Rabs_mult_le a b A B : Rabs a <= A -> Rabs b <= B -> Rabs (a * b) <= A * B.
Proof.
  intros HA HB. rewrite Rabs_mult. apply Rmult_le_compat; try assumption; apply Rabs_pos.
Qed.

(** The error of a leading product is at most 2^(e - 54), also as it is computed. *)
Lemma leading e x y :
  (-60 <= e)%Z -> format x -> format y -> Rabs x <= pow e -> Rabs y <= 1 ->
  Rabs (RN (x * y)) <= pow e /\ Rabs (product_error x y) <= pow (e - 54) /\
  Rabs (RN (x * y) + product_error x y - x * y) <= pow (-1072).
Proof.
  intros E Fx Fy Hx Hy.
  assert (M : Rabs (x * y) <= pow e).
  { replace (pow e) with (pow e * 1) by ring. now apply Rabs_mult_le. }
  assert (N : Rabs (RN (x * y) - x * y) <= pow (e - 54)) by (apply RN_error; [lia|exact M]).
  destruct (accurate_error x y Fx Fy) as [T X].
  split; [apply RN_bound; [lia|exact M]|]. split.
  2: { replace (RN (x * y) + product_error x y - x * y)
         with (product_error x y - (x * y - RN (x * y))) by ring. exact T. }
  destruct (Rle_or_lt (pow (-969)) (Rabs (x * y))) as [L|S].
  - rewrite X by now right. rewrite Rabs_minus_sym. exact N.
  - assert (D : Rabs (x * y - RN (x * y)) <= pow (-1023)).
    { rewrite Rabs_minus_sym. apply (RN_error (-969)); [lia|lra]. }
    apply Rle_trans with (pow (-1072) + pow (-1023)).
    { replace (product_error x y) with
        ((product_error x y - (x * y - RN (x * y))) + (x * y - RN (x * y))) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. lra. }
    apply Rle_trans with (pow (-1022)); [|apply bpow_le; lia].
    change (-1022)%Z with (-1023 + 1)%Z. rewrite pow_double.
    assert (pow (-1072) <= pow (-1023)) by (apply bpow_le; lia). lra.
Qed.

Definition close (e : Z) (result : R * R) (exact : R) : Prop :=
  let (sum, low) := result in
  Rabs (sum + low - exact) <= 14 * pow (e - 107) + pow (-1071) /\
  Rabs sum <= pow (e + 1) /\ Rabs low <= pow (e - 51).

(** TwoSum's error: half an ulp of a sum that is at most 2^(e + 1). *)
Lemma two_sum e p q :
  (-60 <= e)%Z -> format p -> format q -> Rabs p <= pow e -> Rabs q <= pow e ->
  let sum := RN (p + q) in
  let z := RN (sum - p) in
  let error := RN (RN (p - RN (sum - z)) + RN (q - z)) in
  sum + error = p + q /\ Rabs sum <= pow (e + 1) /\ Rabs error <= pow (e - 53).
Proof.
  intros E Fp Fq Hp Hq sum z error.
  assert (T : sum + error = p + q).
  { apply (TwoSum_correct (-1074) 53 (fun x => negb (Z.even x))); try lia; try assumption.
    intros x. now rewrite Z.even_opp, Z.even_add, Bool.negb_involutive; destruct (Z.even x). }
  assert (M : Rabs (p + q) <= pow (e + 1)).
  { rewrite pow_double. eapply Rle_trans; [apply Rabs_triang|]. lra. }
  split; [exact T|]. split; [apply RN_bound; [lia|exact M]|].
  replace error with (- (RN (p + q) - (p + q))) by (fold sum; lra).
  rewrite Rabs_Ropp. replace (e - 53)%Z with (e + 1 - 54)%Z by ring. apply RN_error; [lia|exact M].
Qed.

(** ** ac + bd is right to within 14 · 2^(e - 107), and next to nothing where factors underflow. *)
Theorem dot_plus_close e ah al ch cl bh bl dh dl :
  (-60 <= e)%Z ->
  format ah -> format ch -> format bh -> format dh ->
  Rabs ah <= pow e -> Rabs al <= pow (e - 54) -> Rabs bh <= pow e -> Rabs bl <= pow (e - 54) ->
  Rabs ch <= 1 -> Rabs cl <= pow (-54) -> Rabs dh <= 1 -> Rabs dl <= pow (-54) ->
  close e (dot_plus ah al ch cl bh bl dh dl) ((ah + al) * (ch + cl) + (bh + bl) * (dh + dl)).
Proof.
  intros E Fa Fc Fb Fd Hah Hal Hbh Hbl Hch Hcl Hdh Hdl.
  destruct (leading e ah ch E Fa Fc Hah Hch) as (P1 & P2 & P3).
  destruct (leading e bh dh E Fb Fd Hbh Hdh) as (Q1 & Q2 & Q3).
  destruct (two_sum e _ _ E (format_RN (ah * ch)) (format_RN (bh * dh)) P1 Q1) as (T1 & T2 & T3).
  cbv zeta in T1, T2, T3. unfold close, dot_plus.
  set (p := RN (ah * ch)) in *. set (q := RN (bh * dh)) in *.
  set (pe := product_error ah ch) in *. set (qe := product_error bh dh) in *.
  set (sum := RN (p + q)) in *.
  set (error := RN (RN (p - RN (sum - RN (sum - p))) + RN (q - RN (sum - p)))) in *.
  (* Everything in units of v = 2^(e - 108). *)
  set (v := pow (e - 108)). set (w := pow (e - 54)) in *.
  assert (W0 : 0 < w) by apply bpow_gt_0. assert (V0 : 0 < v) by apply bpow_gt_0.
  assert (X2 : pow (e - 54) * pow (-54) = v).
  { unfold v. rewrite <- bpow_plus. f_equal. ring. }
  assert (we : pow e * pow (-54) = w) by (unfold w; rewrite <- bpow_plus; reflexivity).
  assert (W : forall j, pow (e - 54 + j) = pow j * w)
    by (intros; unfold w; rewrite <- bpow_plus; f_equal; ring).
  assert (V : forall j, pow (e - 108 + j) = pow j * v)
    by (intros; unfold v; rewrite <- bpow_plus; f_equal; ring).
  assert (S : forall j x, (-1 <= j)%Z -> Rabs x <= pow j * w ->
    Rabs (RN x) <= pow j * w /\ Rabs (RN x - x) <= pow j * v).
  { intros j x J H. rewrite <- W, <- V. apply step; [exact E|exact J|]. now rewrite W. }
  assert (W1 : pow (e - 53) = 2 * w) by (unfold w; rewrite <- pow_double; f_equal; ring).
  assert (W3 : pow (e - 51) = 8 * w)
    by (replace (e - 51)%Z with (e - 54 + 3)%Z by ring; apply W).
  assert (V1 : pow (e - 107) = 2 * v) by (unfold v; rewrite <- pow_double; f_equal; ring).
  assert (TT : pow (-1071) = 2 * pow (-1072)) by apply (pow_double (-1072)).
  rewrite W1 in T3. rewrite W3, V1, TT. clear W V W1 W3 V1 TT.
  assert (C1 : Rabs (ah * cl) <= w) by (rewrite <- we; apply Rabs_mult_le; assumption).
  assert (C2 : Rabs (al * ch) <= w) by (rewrite <- (Rmult_1_r w); apply Rabs_mult_le; assumption).
  assert (C3 : Rabs (bh * dl) <= w) by (rewrite <- we; apply Rabs_mult_le; assumption).
  assert (C4 : Rabs (bl * dh) <= w) by (rewrite <- (Rmult_1_r w); apply Rabs_mult_le; assumption).
  assert (D1 : Rabs (al * cl) <= v) by (rewrite <- X2; apply Rabs_mult_le; assumption).
  assert (D2 : Rabs (bl * dl) <= v) by (rewrite <- X2; apply Rabs_mult_le; assumption).
  clear X2 we Hah Hal Hbh Hbl Hch Hcl Hdh Hdl P1 Q1.
  simpl (pow 0) in S.
  destruct (S 0%Z (ah * cl)) as [M1 N1]; [lia|change (pow 0) with 1; lra|].
  destruct (S 0%Z (al * ch)) as [M2 N2]; [lia|change (pow 0) with 1; lra|].
  destruct (S 0%Z (bh * dl)) as [M3 N3]; [lia|change (pow 0) with 1; lra|].
  destruct (S 0%Z (bl * dh)) as [M4 N4]; [lia|change (pow 0) with 1; lra|].
  set (r1 := RN (ah * cl)) in *. set (r2 := RN (al * ch)) in *.
  set (r3 := RN (bh * dl)) in *. set (r4 := RN (bl * dh)) in *.
  change (pow 0) with 1 in *.
  bounds.
  destruct (S 1%Z (r1 + r2)) as [M5 N5]; [lia|powers; apply Rabs_le; lra|].
  destruct (S 1%Z (r3 + r4)) as [M6 N6]; [lia|powers; apply Rabs_le; lra|].
  set (s1 := RN (r1 + r2)) in *. set (s2 := RN (r3 + r4)) in *.
  powers; bounds.
  destruct (S 2%Z (s1 + s2)) as [M7 N7]; [lia|powers; apply Rabs_le; lra|].
  set (cross := RN (s1 + s2)) in *.
  destruct (S 1%Z (pe + qe)) as [M8 N8]; [lia|powers; apply Rabs_le; lra|].
  set (d := RN (pe + qe)) in *.
  powers; bounds.
  destruct (S 2%Z (d + error)) as [M9 N9]; [lia|powers; apply Rabs_le; lra|].
  set (f := RN (d + error)) in *.
  powers; bounds.
  destruct (S 3%Z (f + cross)) as [M10 N10]; [lia|powers; apply Rabs_le; lra|].
  set (low := RN (f + cross)) in *.
  powers; bounds.
  split; [|split; apply Rabs_le; lra].
  apply Rabs_le. lra.
Qed.

(** ac - bd is ac + (-b)d, bit by bit, since every operation is odd. *)
Variable odd_error : forall x y, product_error (- x) y = - product_error x y.

Lemma dot_minus_plus ah al ch cl bh bl dh dl :
  dot_minus ah al ch cl bh bl dh dl = dot_plus ah al ch cl (- bh) (- bl) dh dl.
Proof.
  unfold dot_minus, dot_plus. rewrite odd_error.
  rewrite !Ropp_mult_distr_l_reverse, !RN_opp.
  replace (- RN (bh * dl) + - RN (bl * dh)) with (- (RN (bh * dl) + RN (bl * dh))) by ring.
  rewrite RN_opp. fold (RN (ah * ch) - RN (bh * dh)).
  set (z := RN (RN (RN (ah * ch) - RN (bh * dh)) - RN (ah * ch))).
  replace (- RN (bh * dh) - z) with (- (RN (bh * dh) + z)) by ring.
  rewrite RN_opp. reflexivity.
Qed.

Theorem dot_minus_close e ah al ch cl bh bl dh dl :
  (-60 <= e)%Z ->
  format ah -> format ch -> format bh -> format dh ->
  Rabs ah <= pow e -> Rabs al <= pow (e - 54) -> Rabs bh <= pow e -> Rabs bl <= pow (e - 54) ->
  Rabs ch <= 1 -> Rabs cl <= pow (-54) -> Rabs dh <= 1 -> Rabs dl <= pow (-54) ->
  close e (dot_minus ah al ch cl bh bl dh dl) ((ah + al) * (ch + cl) - (bh + bl) * (dh + dl)).
Proof.
  intros. rewrite dot_minus_plus.
  replace ((ah + al) * (ch + cl) - (bh + bl) * (dh + dl))
    with ((ah + al) * (ch + cl) + (- bh + - bl) * (dh + dl)) by ring.
  apply dot_plus_close; rewrite ?Rabs_Ropp; try assumption. now apply generic_format_opp.
Qed.

End Dot.

Lemma fused_odd x y : fused (- x) y = - fused x y.
Proof.
  unfold fused. rewrite Ropp_mult_distr_l_reverse, RN_opp.
  replace (- (x * y) - - RN (x * y)) with (- (x * y - RN (x * y))) by ring. apply RN_opp.
Qed.

Lemma upper_odd x : upper (- x) = - upper x.
Proof.
  unfold upper. rewrite Ropp_mult_distr_r_reverse, RN_opp.
  set (c := RN ((pow 27 + 1) * x)).
  replace (- c - - x) with (- (c - x)) by ring. rewrite RN_opp.
  replace (- c - - RN (c - x)) with (- (c - RN (c - x))) by ring. apply RN_opp.
Qed.

Lemma dekker_odd x y : dekker (- x) y = - dekker x y.
Proof.
  unfold dekker. rewrite upper_odd.
  replace (- x - - upper x) with (- (x - upper x)) by ring.
  rewrite RN_opp. set (b := RN (y - upper y)). set (a := RN (x - upper x)).
  rewrite !Ropp_mult_distr_l_reverse, !RN_opp.
  replace (- RN (upper x * upper y) - - RN (x * y))
    with (- (RN (upper x * upper y) - RN (x * y))) by ring.
  rewrite RN_opp, <- Ropp_plus_distr, RN_opp, <- Ropp_plus_distr, RN_opp, <- Ropp_plus_distr.
  apply RN_opp.
Qed.

(** 15 units of 2^-107 cover 14 and the underflows, for every scale. *)
Theorem product_bound e exact sum low :
  (-60 <= e)%Z -> close e (sum, low) exact ->
  Rabs (sum + low - exact) <= 15 * pow (e - 107).
Proof.
  intros E [H _]. apply Rle_trans with (1 := H).
  assert (pow (-1071) <= pow (e - 107)) by (apply bpow_le; lia). lra.
Qed.
