(** From fixed point to a table entry ([to_double] in src/exact/ladder/fixed.rs): a pair hi + lo that
    is within 2^-107 of the fixed-point number, for components up to 1 and a little. *)

From Coq Require Import Reals ZArith Lra Lia.
From Flocq Require Import Core Pff2Flocq.
Require Import Float Product.
Open Scope R_scope.

(** ** FastTwoSum is exact where the first number is 0 or the larger. *)
Lemma fast_two_sum x y :
  format x -> format y -> x = 0 \/ Rabs y <= Rabs x ->
  RN (x + y) + RN (y - RN (RN (x + y) - x)) = x + y.
Proof.
  intros Fx Fy [->|H].
  - rewrite Rplus_0_l, (RN_format y Fy), Rminus_0_r, (RN_format y Fy), Rminus_eq_0.
    rewrite RN_format by apply generic_format_0. ring.
  - rewrite <- (Fast2Sum_correct (-1074) 53 (fun z => negb (Z.even z))) with (x := x) (y := y)
      at 3; try lia; try assumption.
    + change (round radix2 (FLT_exp (-1074) 53) (Znearest (fun z => negb (Z.even z)))) with RN.
      f_equal. f_equal. rewrite <- (Ropp_minus_distr x), RN_opp. ring.
    + intros z. now rewrite Z.even_opp, Z.even_add, Bool.negb_involutive; destruct (Z.even z).
Qed.

(** ** Numbers that are 1 and a little round to 1. *)
Lemma RN_one y :
  Rabs y <= 1 + pow (-54) -> Rabs (RN y) <= 1 /\ Rabs (RN y - y) <= pow (-54).
Proof.
  assert (P : forall y, 0 <= y -> y <= 1 + pow (-54) ->
    Rabs (RN y) <= 1 /\ Rabs (RN y - y) <= pow (-54)).
  { clear y. intros y Y H. destruct (Rle_or_lt y 1) as [L|G].
    - assert (A : Rabs y <= pow 0) by (rewrite Rabs_pos_eq by exact Y; exact L).
      split; [apply (RN_bound 0); [lia|exact A]|apply (RN_error 0); [lia|exact A]].
    - destruct (round_N_pt radix2 fexp64 (fun z => negb (Z.even z)) y) as [F N].
      assert (D := N 1 (format_pow 0 ltac:(lia))). fold (RN y) in D, F.
      change (round radix2 fexp64 (Znearest (fun z => negb (Z.even z))) y) with (RN y) in *.
      rewrite (Rabs_left1 (1 - y)) in D by lra.
      assert (L : 1 <= RN y).
      { rewrite <- (RN_format 1 (format_pow 0 ltac:(lia))). apply RN_le. lra. }
      assert (E : RN y = 1).
      { apply Rle_antisym; [|exact L]. apply Rnot_lt_le. intros C.
        assert (S : succ radix2 fexp64 1 <= RN y).
        { apply succ_le_lt; auto with typeclass_instances. apply (format_pow 0). lia. }
        rewrite succ_eq_pos in S by lra.
        change 1 with (pow 0) in S at 2. rewrite ulp_bpow in S.
        change (fexp64 (0 + 1)) with (-52)%Z in S.
        assert (Q : pow (-53) < pow (-52)) by (apply bpow_lt; lia).
        assert (T : pow (-53) = 2 * pow (-54)) by apply (pow_double (-54)).
        change (pow 0) with 1 in S. bounds. lra. }
      rewrite E. rewrite (Rabs_pos_eq 1) by lra. split; [lra|].
      rewrite Rabs_left1 by lra. lra. }
  intros H. destruct (Rle_or_lt 0 y) as [Y|Y].
  - apply P; [exact Y|]. rewrite Rabs_pos_eq in H; assumption.
  - destruct (P (- y)) as [A B]; [lra|rewrite Rabs_left in H; assumption|].
    rewrite RN_opp in A, B. rewrite Rabs_Ropp in A. split; [exact A|].
    rewrite <- Rabs_Ropp. replace (- (RN y - y)) with (- RN y - - y) by ring. exact B.
Qed.

(** ** The program, for the magnitude of a component. *)
Definition high (x : Z) : Z := Z.shiftr x 86.
Definition middle (x : Z) : Z := Z.land (Z.shiftr x 43) (Z.ones 43).
Definition low (x : Z) : Z := Z.land x (Z.ones 43).

Definition entry (x : Z) : R * R :=
  let h := IZR (high x) * pow (-40) in
  let m := IZR (middle x) * pow (-83) in
  let l := IZR (low x) * pow (-126) in
  let sum := RN (h + m) in
  let rest := RN (RN (m - RN (sum - h)) + l) in
  let hi := RN (sum + rest) in
  (hi, RN (rest - RN (hi - sum))).

(** A piece of at most 53 bits is exact in binary64. *)
Lemma format_piece n k : (0 <= n < 2 ^ 53)%Z -> (-1000 <= k)%Z -> format (IZR n * pow k).
Proof.
  intros N K. apply generic_format_FLT. exists (Float radix2 n k); cbn [Fnum Fexp].
  - reflexivity.
  - change (radix2 ^ 53)%Z with (2 ^ 53)%Z. lia.
  - lia.
Qed.

Lemma pieces x :
  (0 <= x <= 2 ^ 126 + 2 ^ 9)%Z ->
  (0 <= high x < 2 ^ 53 /\ 0 <= middle x < 2 ^ 43 /\ 0 <= low x < 2 ^ 43 /\
   x = high x * 2 ^ 86 + middle x * 2 ^ 43 + low x /\ high x * 2 ^ 43 + middle x <= 2 ^ 83)%Z.
Proof.
  intros H. unfold high, middle, low.
  rewrite !Z.land_ones, !Z.shiftr_div_pow2 by lia.
  assert (A := Z.div_mod x (2 ^ 43) ltac:(lia)).
  assert (B := Z.div_mod (x / 2 ^ 43) (2 ^ 43) ltac:(lia)).
  assert (C := Z.mod_pos_bound x (2 ^ 43) ltac:(lia)).
  assert (D := Z.mod_pos_bound (x / 2 ^ 43) (2 ^ 43) ltac:(lia)).
  rewrite Z.div_div in B by lia. change (2 ^ 43 * 2 ^ 43)%Z with (2 ^ 86)%Z in B.
  assert (E : (0 <= x / 2 ^ 86)%Z) by (apply Z.div_pos; lia).
  assert (F : (x / 2 ^ 86 < 2 ^ 53)%Z) by (apply Z.div_lt_upper_bound; lia).
  assert (G : (x / 2 ^ 43 <= 2 ^ 83)%Z) by (apply Z.lt_succ_r, Z.div_lt_upper_bound; lia).
  lia.
Qed.

Theorem entry_error x :
  (0 <= x <= 2 ^ 126 + 2 ^ 9)%Z ->
  let (hi, lo) := entry x in
  format hi /\ Rabs hi <= 1 /\ Rabs lo <= pow (-54) /\
  Rabs (hi + lo - IZR x * pow (-126)) <= pow (-107) /\
  (hi = 0 \/ pow (-126) <= Rabs hi).
Proof.
  intros X. destruct (pieces x X) as (Hh & Hm & Hl & Hx & Hs).
  unfold entry. cbv zeta.
  set (h := IZR (high x) * pow (-40)). set (m := IZR (middle x) * pow (-83)).
  set (l := IZR (low x) * pow (-126)).
  assert (Fh : format h) by (apply format_piece; lia).
  assert (Fm : format m) by (apply format_piece; lia).
  assert (Fl : format l) by (apply format_piece; lia).
  assert (L0 : 0 <= l) by (apply Rmult_le_pos; [apply IZR_le; lia|apply bpow_ge_0]).
  assert (M0 : 0 <= m) by (apply Rmult_le_pos; [apply IZR_le; lia|apply bpow_ge_0]).
  assert (H0 : 0 <= h) by (apply Rmult_le_pos; [apply IZR_le; lia|apply bpow_ge_0]).
  assert (L1 : l < pow (-83)).
  { unfold l. replace (pow (-83)) with (IZR (2 ^ 43) * pow (-126)).
    - apply Rmult_lt_compat_r; [apply bpow_gt_0|apply IZR_lt; lia].
    - change (IZR (2 ^ 43)) with (pow 43). rewrite <- bpow_plus. reflexivity. }
  assert (M1 : m < pow (-40)).
  { unfold m. replace (pow (-40)) with (IZR (2 ^ 43) * pow (-83)).
    - apply Rmult_lt_compat_r; [apply bpow_gt_0|apply IZR_lt; lia].
    - change (IZR (2 ^ 43)) with (pow 43). rewrite <- bpow_plus. reflexivity. }
  assert (HM : h + m <= 1).
  { unfold h, m. replace (pow (-40)) with (IZR (2 ^ 43) * pow (-83)).
    - rewrite <- Rmult_assoc, <- mult_IZR, <- Rmult_plus_distr_r, <- plus_IZR.
      replace 1 with (IZR (2 ^ 83) * pow (-83)).
      + apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le; lia].
      + change (IZR (2 ^ 83)) with (pow 83). rewrite <- bpow_plus. reflexivity.
    - change (IZR (2 ^ 43)) with (pow 43). rewrite <- bpow_plus. reflexivity. }
  assert (HX : IZR x * pow (-126) = h + m + l).
  { rewrite Hx at 1. rewrite !plus_IZR, !mult_IZR. unfold h, m, l.
    replace (pow (-40)) with (IZR (2 ^ 86) * pow (-126))
      by (change (IZR (2 ^ 86)) with (pow 86); rewrite <- bpow_plus; reflexivity).
    replace (pow (-83)) with (IZR (2 ^ 43) * pow (-126))
      by (change (IZR (2 ^ 43)) with (pow 43); rewrite <- bpow_plus; reflexivity).
    ring. }
  assert (Hbig : h = 0 \/ pow (-40) <= h).
  { unfold h. destruct (Z.eq_dec (high x) 0) as [->|N]; [left; ring|right].
    rewrite <- (Rmult_1_l (pow (-40))) at 1.
    apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le; lia]. }
  assert (Mbig : m = 0 \/ pow (-83) <= m).
  { unfold m. destruct (Z.eq_dec (middle x) 0) as [->|N]; [left; ring|right].
    rewrite <- (Rmult_1_l (pow (-83))) at 1.
    apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le; lia]. }
  assert (Lbig : l = 0 \/ pow (-126) <= l).
  { unfold l. destruct (Z.eq_dec (low x) 0) as [->|N]; [left; ring|right].
    rewrite <- (Rmult_1_l (pow (-126))) at 1.
    apply Rmult_le_compat_r; [apply bpow_ge_0|apply IZR_le; lia]. }
  clearbody h m l. clear Hh Hm Hl Hx Hs X.
  assert (T1 := fast_two_sum h m Fh Fm).
  assert (E1 : RN (h + m) + RN (m - RN (RN (h + m) - h)) = h + m).
  { apply T1. destruct Hbig as [Z|B]; [now left|right]. rewrite !Rabs_pos_eq; lra. }
  clear T1. set (sum := RN (h + m)) in *. set (err := RN (m - RN (sum - h))) in *.
  assert (Fe : format err) by apply format_RN. assert (Fs : format sum) by apply format_RN.
  assert (N1 : Rabs err <= pow (-54)).
  { replace err with (- (RN (h + m) - (h + m))) by (fold sum; lra). rewrite Rabs_Ropp.
    apply (RN_error 0); [lia|]. rewrite Rabs_pos_eq; simpl; lra. }
  assert (P1 : pow (-53) = 2 * pow (-54)) by apply (pow_double (-54)).
  assert (P2 : pow (-83) < pow (-54)) by (apply bpow_lt; lia).
  assert (P3 : pow (-53) < pow (-41)) by (apply bpow_lt; lia).
  assert (P4 : pow (-40) = 2 * pow (-41)) by apply (pow_double (-41)).
  assert (P5 : pow (-107) < pow (-54)) by (apply bpow_lt; lia).
  assert (P6 : pow (-126) < pow (-83)) by (apply bpow_lt; lia).
  assert (P7 : 0 < pow (-126)) by apply bpow_gt_0.
  assert (N2 : Rabs (err + l) <= pow (-53)) by (bounds; apply Rabs_le; lra).
  assert (N3 := RN_error (-53) _ ltac:(lia) N2). simpl (-53 - 54)%Z in N3.
  assert (N4 := RN_bound (-53) _ ltac:(lia) N2).
  (* Without a high piece everything is exact. *)
  assert (Small : h = 0 -> err = 0).
  { intros Z. unfold err, sum. rewrite Z, Rplus_0_l, (RN_format m Fm), Rminus_0_r, (RN_format m Fm),
      Rminus_eq_0. apply RN_format, generic_format_0. }
  set (rest := RN (err + l)) in *.
  assert (Sbig : pow (-40) <= h -> pow (-40) <= sum).
  { intros B. rewrite <- (RN_format (pow (-40))) by (apply format_pow; lia). apply RN_le. lra. }
  assert (T2 : RN (sum + rest) + RN (rest - RN (RN (sum + rest) - sum)) = sum + rest).
  { apply fast_two_sum; [exact Fs|apply format_RN|].
    destruct Hbig as [Z|B].
    - assert (Er := Small Z). unfold rest. rewrite Er, Rplus_0_l, (RN_format l Fl).
      assert (Q : sum = m) by lra. rewrite Q.
      destruct Mbig as [Y|B]; [now left|right]. rewrite !Rabs_pos_eq; lra.
    - right. assert (Q := Sbig B). rewrite (Rabs_pos_eq sum) by lra. lra. }
  assert (Y : Rabs (sum + rest) <= 1 + pow (-54)).
  { assert (P8 : pow (-83) + pow (-107) <= pow (-54)).
    { assert (pow (-107) <= pow (-55)) by (apply bpow_le; lia).
      assert (pow (-83) <= pow (-55)) by (apply bpow_le; lia).
      assert (pow (-54) = 2 * pow (-55)) by apply (pow_double (-55)). lra. }
    bounds. apply Rabs_le. lra. }
  destruct (RN_one _ Y) as [A B].
  repeat split.
  - apply format_RN.
  - exact A.
  - replace (RN (rest - RN (RN (sum + rest) - sum))) with (- (RN (sum + rest) - (sum + rest))) by lra.
    now rewrite Rabs_Ropp.
  - rewrite T2, HX. replace (sum + rest - (h + m + l)) with (rest - (err + l)) by lra. exact N3.
  - destruct Hbig as [Z|Q].
    + assert (Er := Small Z). assert (R : rest = l)
        by (unfold rest; rewrite Er, Rplus_0_l; apply RN_format, Fl).
      assert (K : sum = m) by lra. rewrite R, K.
      destruct Mbig as [->|M].
      * rewrite Rplus_0_l, (RN_format l Fl). destruct Lbig as [->|Lb]; [now left|right].
        rewrite Rabs_pos_eq; lra.
      * right. assert (V : pow (-126) <= RN (m + l)).
        { rewrite <- (RN_format (pow (-126))) by (apply format_pow; lia). apply RN_le. lra. }
        rewrite Rabs_pos_eq; lra.
    + right. assert (V : pow (-126) <= RN (sum + rest)).
      { rewrite <- (RN_format (pow (-126))) by (apply format_pow; lia). apply RN_le.
        assert (U := Sbig Q). bounds. lra. }
      rewrite Rabs_pos_eq; lra.
Qed.
