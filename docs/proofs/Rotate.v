(** A rotation of exact numbers by the ladder's phasors, as [Double::turn] in src/exact/ladder/entry.rs
    computes it: x·C - y·S and x·S + y·C for double-double C and S. The table "A rotation" of
    src/exact/ladder/bound.rs, line by line. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
From Flocq Require Import Core Pff2Flocq.
Require Import Float Product Rounding Entry Fixed Chain Ladder Certified.
Open Scope R_scope.

(** Units of 2^-107 times the larger of |x| and |y|. *)
Definition ROTATE : R := 27.

Section Rotation.

Variable product_error : R -> R -> R.
Variable accurate_error : accurate product_error.
Variable odd_error : forall x y, product_error (- x) y = - product_error x y.

(** [mixed] without and with MINUS. *)
Definition mixed_plus (x ch cl y sh sl : R) : R * R :=
  let p := RN (x * ch) in
  let p_error := product_error x ch in
  let q := RN (y * sh) in
  let q_error := product_error y sh in
  let sum := RN (p + q) in
  let z := RN (sum - p) in
  let p_rest := RN (p - RN (sum - z)) in
  let sum_error := RN (p_rest + RN (q - z)) in
  let cross := RN (RN (x * cl) + RN (y * sl)) in
  let low := RN (RN (RN (p_error + q_error) + sum_error) + cross) in
  (sum, low).

Definition mixed_minus (x ch cl y sh sl : R) : R * R :=
  let p := RN (x * ch) in
  let p_error := product_error x ch in
  let q := RN (y * sh) in
  let q_error := product_error y sh in
  let sum := RN (p - q) in
  let z := RN (sum - p) in
  let p_rest := RN (p - RN (sum - z)) in
  let sum_error := RN (p_rest - RN (q + z)) in
  let cross := RN (RN (x * cl) - RN (y * sl)) in
  let low := RN (RN (RN (p_error - q_error) + sum_error) + cross) in
  (sum, low).

(** [normalised]. *)
Definition normalised (s low : R) : R * R :=
  let hi := RN (s + low) in
  let z := RN (hi - s) in
  (hi, RN (RN (s - RN (hi - z)) + RN (low - z))).

Lemma two_sum_exact p q :
  format p -> format q ->
  let sum := RN (p + q) in
  let z := RN (sum - p) in
  sum + RN (RN (p - RN (sum - z)) + RN (q - z)) = p + q.
Proof.
  intros Fp Fq. apply (TwoSum_correct (-1074) 53 (fun x => negb (Z.even x))); try lia; try assumption.
  intros x. now rewrite Z.even_opp, Z.even_add, Bool.negb_involutive; destruct (Z.even x).
Qed.

(** Relatively, a rounding moves a number by 2^-53, and by next to nothing more. *)
Lemma RN_relative x X : Rabs x <= X -> Rabs (RN x - x) <= pow (-53) * X + pow (-1074).
Proof.
  intros H. apply Rle_trans with (/ 2 * ulp radix2 fexp64 x).
  { apply error_le_half_ulp; auto with typeclass_instances. }
  destruct (Req_dec x 0) as [->|N].
  { unfold fexp64. rewrite ulp_FLT_0 by auto with typeclass_instances.
    rewrite Rabs_R0 in H. assert (0 <= pow (-53) * X) by (apply Rmult_le_pos; [apply bpow_ge_0|exact H]).
    assert (0 <= pow (-1074)) by apply bpow_ge_0. lra. }
  rewrite ulp_neq_0 by exact N. unfold cexp, fexp64, FLT_exp.
  assert (M : pow (mag radix2 x - 1) <= Rabs x) by now apply bpow_mag_le.
  destruct (Z.max_spec (mag radix2 x - 53) (-1074)) as [[_ ->]|[_ ->]].
  - assert (0 <= pow (-53) * X) by (apply Rmult_le_pos; [apply bpow_ge_0|split_Rabs; lra]).
    assert (0 <= pow (-1074)) by apply bpow_ge_0. lra.
  - replace (mag radix2 x - 53)%Z with (-53 + 1 + (mag radix2 x - 1))%Z by ring.
    rewrite !bpow_plus. change (pow 1) with 2. assert (0 < pow (-53)) by apply bpow_gt_0.
    assert (0 <= pow (-1074)) by apply bpow_ge_0. nra.
Qed.

(** Scales: x and y up to [size], phasors up to 2^e. *)
Variables (e : Z) (size : R).
Variable E : (-60 <= e)%Z.
Variable Size : pow (-400) <= size.

(** The scale of the products, 2^-53 of it, and 2^-106 of it. *)
Definition scale0 : R := size * pow e.
Definition scale1 : R := pow (-53) * scale0.
Definition scale2 : R := pow (-53) * scale1.
Local Notation t := scale0.
Local Notation a := scale1.
Local Notation b := scale2.

Lemma scales : 0 < t /\ 0 < a /\ 0 < b /\ a <= / 1000000 * t /\ b <= / 1000000 * a /\
  pow (-53) * b <= / 1000 * b /\ pow (-1072) <= / 1000000 * b /\ pow (-1074) <= / 1000000 * b /\
  b = 2 * (size * pow (e - 107)).
Proof.
  assert (S : 0 < size) by (apply Rlt_le_trans with (2 := Size); apply bpow_gt_0).
  assert (T : 0 < t) by (apply Rmult_lt_0_compat; [exact S|apply bpow_gt_0]).
  assert (U : 0 < pow (-53)) by apply bpow_gt_0.
  assert (U1 : pow (-53) <= / 1000000).
  { apply Rle_trans with (pow (-20)); [apply bpow_le; lia|simpl; lra]. }
  assert (A : 0 < a) by (apply Rmult_lt_0_compat; assumption).
  assert (B : 0 < b) by (apply Rmult_lt_0_compat; assumption).
  assert (T0 : pow (-460) <= t).
  { change (-460)%Z with (-400 + -60)%Z. rewrite bpow_plus. apply Rmult_le_compat; try apply bpow_ge_0.
    - exact Size.
    - apply bpow_le. exact E. }
  assert (B0 : pow (-566) <= b).
  { unfold b, a. rewrite <- Rmult_assoc, <- bpow_plus. change (-566)%Z with (-53 + -53 + -460)%Z.
    rewrite (bpow_plus _ (-53 + -53)). apply Rmult_le_compat_l; [apply bpow_ge_0|exact T0]. }
  assert (Tiny : pow (-1072) <= / 1000000 * b).
  { apply Rle_trans with (pow (-20) * pow (-566)).
    - rewrite <- bpow_plus. apply bpow_le. lia.
    - apply Rmult_le_compat; try apply bpow_ge_0; [simpl; lra|exact B0]. }
  repeat split; try assumption.
  - unfold a. apply Rmult_le_compat_r; lra.
  - unfold b. apply Rmult_le_compat_r; lra.
  - apply Rmult_le_compat_r; lra.
  - apply Rle_trans with (2 := Tiny). apply bpow_le. lia.
  - unfold b, a, t. replace (e - 107)%Z with (-53 + -53 + -1 + e)%Z by ring.
    rewrite !bpow_plus. change (pow (-1)) with (/ 2). field.
Qed.

(** A step whose magnitude is known in units of t, 2^-53 t and 2^-106 t: what it loses. *)
Lemma lost i j k x :
  0 <= k -> Rabs x <= i * t + j * a + k * b ->
  Rabs (RN x - x) <= i * a + j * b + k * / 1000 * b + / 1000000 * b.
Proof.
  intros K H. destruct scales as (T & A & B & _ & _ & C & _ & D & _).
  apply Rle_trans with (1 := RN_relative x _ H).
  replace (pow (-53) * (i * t + j * a + k * b)) with (i * a + j * b + k * (pow (-53) * b))
    by (unfold b, a; ring).
  assert (k * (pow (-53) * b) <= k * (/ 1000 * b)) by (apply Rmult_le_compat_l; assumption). lra.
Qed.

Definition turned (result : R * R) (exact : R) : Prop :=
  let (sum, low) := result in
  Rabs (sum + low - exact) <= ROTATE * (size * pow (e - 107)) /\
  Rabs low <= 13 / 10 * 4 * a.

Theorem mixed_plus_close x ch cl y sh sl :
  format x -> format y -> format ch -> format sh ->
  Rabs x <= size -> Rabs y <= size -> Rabs ch <= pow e -> Rabs sh <= pow e ->
  Rabs cl <= pow (e - 54) -> Rabs sl <= pow (e - 54) ->
  turned (mixed_plus x ch cl y sh sl) (x * (ch + cl) + y * (sh + sl)).
Proof.
  intros Fx Fy Fc Fs X Y C S Cl Sl.
  destruct scales as (T & A & B & A1 & B1 & _ & N & _ & V).
  assert (H : size * pow (e - 54) = / 2 * a).
  { unfold a, t. replace (e - 54)%Z with (-1 + -53 + e)%Z by ring. rewrite !bpow_plus.
    change (pow (-1)) with (/ 2). ring. }
  assert (P : Rabs (x * ch) <= t) by now apply Rabs_mult_le.
  assert (Q : Rabs (y * sh) <= t) by now apply Rabs_mult_le.
  assert (P2 : Rabs (x * cl) <= / 2 * a) by (rewrite <- H; now apply Rabs_mult_le).
  assert (Q2 : Rabs (y * sl) <= / 2 * a) by (rewrite <- H; now apply Rabs_mult_le).
  destruct (accurate_error x ch Fx Fc) as [Pe _]. destruct (accurate_error y sh Fy Fs) as [Qe _].
  assert (Pr := lost 1 0 0 (x * ch) ltac:(lra) ltac:(lra)).
  assert (Qr := lost 1 0 0 (y * sh) ltac:(lra) ltac:(lra)).
  assert (TS := two_sum_exact _ _ (format_RN (x * ch)) (format_RN (y * sh))). cbv zeta in TS.
  unfold turned, mixed_plus.
  set (p := RN (x * ch)) in *. set (q := RN (y * sh)) in *.
  set (pe := product_error x ch) in *. set (qe := product_error y sh) in *.
  set (sum := RN (p + q)) in *.
  set (error := RN (RN (p - RN (sum - RN (sum - p))) + RN (q - RN (sum - p)))) in *.
  bounds.
  assert (Sr : Rabs (sum - (p + q)) <= 2 * a + (2 + / 1000) * b).
  { unfold sum. eapply Rle_trans; [apply (lost 2 2 (/ 1000))|]; [lra|apply Rabs_le; lra|lra]. }
  assert (C1 := lost 0 (/ 2) 0 (x * cl) ltac:(lra) ltac:(apply Rabs_le; lra)).
  assert (C2 := lost 0 (/ 2) 0 (y * sl) ltac:(lra) ltac:(apply Rabs_le; lra)).
  set (r1 := RN (x * cl)) in *. set (r2 := RN (y * sl)) in *. bounds.
  assert (C3 := lost 0 1 2 (r1 + r2) ltac:(lra) ltac:(apply Rabs_le; lra)).
  set (cross := RN (r1 + r2)) in *.
  assert (D := lost 0 2 (/ 1000) (pe + qe) ltac:(lra) ltac:(apply Rabs_le; lra)).
  set (d := RN (pe + qe)) in *. bounds.
  assert (F := lost 0 4 5 (d + error) ltac:(lra) ltac:(apply Rabs_le; lra)).
  set (f := RN (d + error)) in *. bounds.
  assert (L := lost 0 5 15 (f + cross) ltac:(lra) ltac:(apply Rabs_le; lra)).
  set (low := RN (f + cross)) in *. bounds. unfold ROTATE.
  split; apply Rabs_le; lra.
Qed.

(** Every operation is odd. *)
Lemma mixed_minus_plus x ch cl y sh sl :
  mixed_minus x ch cl y sh sl = mixed_plus x ch cl (- y) sh sl.
Proof.
  unfold mixed_minus, mixed_plus. rewrite odd_error, !Ropp_mult_distr_l_reverse, !RN_opp.
  fold (RN (x * ch) - RN (y * sh)).
  set (z := RN (RN (RN (x * ch) - RN (y * sh)) - RN (x * ch))).
  replace (- RN (y * sh) - z) with (- (RN (y * sh) + z)) by ring. rewrite RN_opp. reflexivity.
Qed.

Theorem mixed_minus_close x ch cl y sh sl :
  format x -> format y -> format ch -> format sh ->
  Rabs x <= size -> Rabs y <= size -> Rabs ch <= pow e -> Rabs sh <= pow e ->
  Rabs cl <= pow (e - 54) -> Rabs sl <= pow (e - 54) ->
  turned (mixed_minus x ch cl y sh sl) (x * (ch + cl) - y * (sh + sl)).
Proof.
  intros. rewrite mixed_minus_plus.
  replace (x * (ch + cl) - y * (sh + sl)) with (x * (ch + cl) + - y * (sh + sl)) by ring.
  apply mixed_plus_close; rewrite ?Rabs_Ropp; try assumption. now apply generic_format_opp.
Qed.

(** A phasor's component after the TwoSum: at most 2^e, since that is a number of the format. *)
Lemma normalised_right s low x d :
  format s -> format low -> Rabs (s + low - x) <= d -> d <= pow (e - 54) -> Rabs x <= pow e ->
  let (hi, lo) := normalised s low in
  (format hi /\ format lo) /\ Rabs hi <= pow e /\ Rabs lo <= pow (e - 54) /\ hi + lo = s + low.
Proof.
  intros Fs Fl H D X. unfold normalised. assert (TS := two_sum_exact s low Fs Fl). cbv zeta in TS.
  set (lo := RN (RN (s - RN (RN (s + low) - RN (RN (s + low) - s))) + RN (low - RN (RN (s + low) - s)))) in *.
  split; [split; apply format_RN|].
  assert (L : lo = - (RN (s + low) - (s + low))) by lra. rewrite L, Rabs_Ropp.
  set (w := s + low) in *. clearbody w. clear TS L lo Fs Fl s low.
  assert (G : forall v, pow e < v -> v <= pow e + d -> Rabs (RN v) <= pow e /\ Rabs (RN v - v) <= pow (e - 54)).
  { intros v V1 V2. assert (P : 0 < pow e) by apply bpow_gt_0.
    assert (Fe : format (pow e)) by (apply format_pow; lia).
    assert (Sc : succ radix2 fexp64 (pow e) = pow e + pow (e - 52)).
    { rewrite succ_eq_pos by lra. f_equal. rewrite ulp_bpow. f_equal. unfold fexp64, FLT_exp. lia. }
    assert (P54 : 0 < pow (e - 54)) by apply bpow_gt_0.
    assert (P52 : pow (e - 52) = 4 * pow (e - 54)).
    { replace (e - 52)%Z with (2 + (e - 54))%Z by ring. now rewrite bpow_plus. }
    assert (Up : RN v <= pow e).
    { apply round_N_le_midp; auto with typeclass_instances. rewrite Sc. lra. }
    assert (Lo : pow e <= RN v) by (rewrite <- (RN_format _ Fe); apply RN_le; lra).
    split; apply Rabs_le; lra. }
  assert (Q : Rabs (RN w) <= pow e /\ Rabs (RN w - w) <= pow (e - 54)).
  { apply Rabs_le_inv in H. apply Rabs_le_inv in X. destruct (Rle_or_lt (Rabs w) (pow e)) as [S|S].
    - split; [apply RN_bound; [lia|exact S]|apply RN_error; [lia|exact S]].
    - destruct (Rle_or_lt 0 w) as [W|W].
      + rewrite Rabs_pos_eq in S by exact W. apply G; lra.
      + rewrite Rabs_left in S by exact W. destruct (G (- w) S ltac:(lra)) as [A' B'].
        rewrite RN_opp in A', B'. rewrite Rabs_Ropp in A'. split; [exact A'|].
        replace (RN w - w) with (- (- RN w - - w)) by ring. now rewrite Rabs_Ropp. }
  destruct Q as [Q1 Q2]. repeat split; [exact Q1|exact Q2|ring].
Qed.

(** [Double::turn] on what [Double::product] multiplies. *)
Definition turn (clockwise : bool) (x y : R) (c s : R * R) : (R * R) * (R * R) :=
  let (ch, cl) := normalised (fst c) (snd c) in
  let (sh, sl) := normalised (fst s) (snd s) in
  let (sh, sl) := if clockwise then (RN (0 - sh), RN (0 - sl)) else (sh, sl) in
  (mixed_minus x ch cl y sh sl, mixed_plus x sh sl y ch cl).

Definition near (c : R * R) (exact : R) : Prop :=
  (format (fst c) /\ format (snd c)) /\
  Rabs (fst c + snd c - exact) <= (PRODUCT + ENTRY) * pow (e - 107) /\ Rabs exact <= pow e.

Theorem turn_error (clockwise : bool) x y c s cosine sine :
  format x -> format y -> Rabs x <= size -> Rabs y <= size -> near c cosine -> near s sine ->
  let signed := if clockwise then - sine else sine in
  let (r, i) := turn clockwise x y c s in
  (Rabs (fst r + snd r - (x * cosine - y * signed)) <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107))
   /\ Rabs (snd r) <= 13 / 10 * 4 * a) /\
  (Rabs (fst i + snd i - (x * signed + y * cosine)) <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107))
   /\ Rabs (snd i) <= 13 / 10 * 4 * a).
Proof.
  intros Fx Fy X Y [[Fc1 Fc2] [C Cs]] [[Fs1 Fs2] [S Ss]] signed.
  assert (W : 0 < pow (e - 107)) by apply bpow_gt_0.
  assert (D : (PRODUCT + ENTRY) * pow (e - 107) <= pow (e - 54)).
  { unfold PRODUCT, ENTRY. replace (e - 54)%Z with (53 + (e - 107))%Z by ring. rewrite bpow_plus.
    apply Rmult_le_compat_r; [lra|]. apply Rle_trans with (pow 5); [simpl; lra|apply bpow_le; lia]. }
  assert (NC := normalised_right _ _ _ _ Fc1 Fc2 C D Cs). assert (NS := normalised_right _ _ _ _ Fs1 Fs2 S D Ss).
  unfold turn. destruct (normalised (fst c) (snd c)) as [ch cl].
  destruct (normalised (fst s) (snd s)) as [sh sl].
  destruct NC as ((Fch & Fcl) & Hch & Hcl & Ec). destruct NS as ((Fsh & Fsl) & Hsh & Hsl & Es).
  rewrite <- Ec in C. rewrite <- Es in S.
  set (k := (PRODUCT + ENTRY) * pow (e - 107)) in *.
  assert (Each : forall u U v V, Rabs u <= size -> Rabs (v - V) <= k -> u * V = U -> Rabs (u * v - U) <= size * k).
  { intros u U v V Hu Hv <-. replace (u * v - u * V) with (u * (v - V)) by ring. now apply Rabs_mult_le. }
  assert (Main : forall sh sl signed, format sh -> Rabs sh <= pow e -> Rabs sl <= pow (e - 54) ->
    Rabs (sh + sl - signed) <= k ->
    (Rabs (fst (mixed_minus x ch cl y sh sl) + snd (mixed_minus x ch cl y sh sl) - (x * cosine - y * signed))
       <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107))
     /\ Rabs (snd (mixed_minus x ch cl y sh sl)) <= 13 / 10 * 4 * a) /\
    (Rabs (fst (mixed_plus x sh sl y ch cl) + snd (mixed_plus x sh sl y ch cl) - (x * signed + y * cosine))
       <= (ROTATE + 2 * (PRODUCT + ENTRY)) * (size * pow (e - 107))
     /\ Rabs (snd (mixed_plus x sh sl y ch cl)) <= 13 / 10 * 4 * a)).
  { clear sh sl Fsh Fsl Hsh Hsl Es S signed. intros sh sl signed Fsh Hsh Hsl S.
    assert (M := mixed_minus_close x ch cl y sh sl Fx Fy Fch Fsh X Y Hch Hsh Hcl Hsl).
    assert (P := mixed_plus_close x sh sl y ch cl Fx Fy Fsh Fch X Y Hsh Hch Hsl Hcl).
    unfold turned in *. destruct (mixed_minus x ch cl y sh sl) as [m1 m2].
    destruct (mixed_plus x sh sl y ch cl) as [p1 p2]. cbn [fst snd].
    destruct M as [M1 M2]. destruct P as [P1 P2].
    assert (A1 := Each x _ _ _ X C eq_refl). assert (A2 := Each y _ _ _ Y S eq_refl).
    assert (A3 := Each x _ _ _ X S eq_refl). assert (A4 := Each y _ _ _ Y C eq_refl).
    assert (K : size * k = (PRODUCT + ENTRY) * (size * pow (e - 107))) by (unfold k; ring).
    rewrite K in *. set (v := size * pow (e - 107)) in *.
    repeat split; try assumption; bounds; apply Rabs_le; lra. }
  assert (Zero : forall u, format u -> RN (0 - u) = - u).
  { intros u Fu. replace (0 - u) with (- u) by ring. apply RN_format. now apply generic_format_opp. }
  destruct clockwise.
  - rewrite !Zero by assumption. cbv beta iota. apply Main.
    + now apply generic_format_opp.
    + now rewrite Rabs_Ropp.
    + now rewrite Rabs_Ropp.
    + unfold signed. replace (- sh + - sl - - sine) with (- (sh + sl - sine)) by ring. now rewrite Rabs_Ropp.
  - cbv beta iota. now apply Main.
Qed.

End Rotation.
