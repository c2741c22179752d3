(** How the ladder's rows come about (src/exact/ladder/rung.rs): from a position to products of seeds.
    So what [Certified.v] says of rows is said of positions. *)

From Coq Require Import Reals ZArith Lra Lia.
From Flocq Require Import Core.
Require Import Float Product Fixed Chain Ladder Certified.
Open Scope R_scope.

Section Plane.

(** The frequency of a plane, and its seeds e^(i 2^bit θ), each within one unit per component. *)
Variable theta : R.
Variable seed : nat -> fixed.
Variable seeds : forall bit,
  Rabs (IZR (re (seed bit)) * unit - cos (2 ^ bit * theta)) <= unit /\
  Rabs (IZR (im (seed bit)) * unit - sin (2 ^ bit * theta)) <= unit.

(** Row d of [powers]: the row without its highest bit times that bit's seed. *)
Fixpoint power_row (first bits : nat) (d : Z) : fixed :=
  match bits with
  | O => one
  | S bit =>
      let rest := power_row first bit d in
      if Z.testbit d (Z.of_nat bit) then times rest (seed (first + bit)) else rest
  end.

Lemma seed_made bit : made 1 (seed bit) 1 (2 ^ bit * theta).
Proof.
  destruct (seeds bit) as [A B]. constructor; [lra| |]; now rewrite Rmult_1_l.
Qed.

(** What [bits] low bits of d make: at most one seed each. *)
Lemma power_row_made first bits d :
  (0 <= d)%Z ->
  exists n, (n <= bits)%nat /\
    made n (power_row first bits d) 1 (IZR (d mod 2 ^ Z.of_nat bits) * (2 ^ first * theta)).
Proof.
  intros D. induction bits as [|bit IH]; cbn [power_row].
  - exists 0%nat. split; [lia|]. change (2 ^ Z.of_nat 0)%Z with 1%Z. rewrite Z.mod_1_r, Rmult_0_l.
    apply made_one.
  - destruct IH as (n & Hn & M).
    assert (Split : (d mod 2 ^ Z.of_nat (S bit)
      = d mod 2 ^ Z.of_nat bit + 2 ^ Z.of_nat bit * Z.b2z (Z.testbit d (Z.of_nat bit)))%Z).
    { rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia. rewrite Z.mul_comm.
      rewrite Z.rem_mul_r by lia. rewrite Z.testbit_spec' by lia. reflexivity. }
    destruct (Z.testbit d (Z.of_nat bit)); cbn [Z.b2z] in Split.
    + exists (n + 1)%nat. split; [lia|].
      replace (IZR (d mod 2 ^ Z.of_nat (S bit)) * (2 ^ first * theta))
        with (IZR (d mod 2 ^ Z.of_nat bit) * (2 ^ first * theta) + 2 ^ (first + bit) * theta).
      * replace 1 with (1 * 1) at 1 by ring. apply made_times; [exact M|apply seed_made].
      * rewrite Split, Z.mul_1_r, plus_IZR, pow_add.
        replace (IZR (2 ^ Z.of_nat bit)) with (2 ^ bit) by (rewrite <- pow_IZR; reflexivity). ring.
    + exists n. split; [lia|]. rewrite Split, Z.mul_0_r, Z.add_0_r. exact M.
Qed.

(** The anchor: 1, or the magnitude with its exponent taken off. *)
Variables (anchor : fixed) (m : R) (a : nat).
Variable anchored : made a anchor m 0.
Variable one_seed : (a <= 1)%nat.

(** [Walk::go]: digits of 6 bits from the highest to the lowest, zero digits skipped. *)
Definition SHORT_BITS : nat := 7.
Definition DIGIT_BITS : nat := 6.
Definition DIGITS : nat := 10.

Fixpoint level (done : nat) (high : Z) : fixed :=
  match done with
  | O => anchor
  | S before =>
      let k := (DIGITS - done)%nat in
      let digit := ((high / 2 ^ Z.of_nat (DIGIT_BITS * k)) mod 2 ^ Z.of_nat DIGIT_BITS)%Z in
      let above := level before high in
      if (digit =? 0)%Z then above
      else times above (power_row (SHORT_BITS + DIGIT_BITS * k) DIGIT_BITS digit)
  end.

Lemma level_made done high :
  (done <= DIGITS)%nat -> (0 <= high < 2 ^ Z.of_nat (DIGIT_BITS * DIGITS))%Z ->
  exists n, (n <= 1 + 6 * done)%nat /\
    made n (level done high) m
      (IZR (high / 2 ^ Z.of_nat (DIGIT_BITS * (DIGITS - done)))
       * (2 ^ (SHORT_BITS + DIGIT_BITS * (DIGITS - done)) * theta)).
Proof.
  intros D H. induction done as [|before IH].
  - exists a. split; [lia|]. cbn [level]. rewrite Z.div_small by exact H. rewrite Rmult_0_l. exact anchored.
  - destruct IH as (n & Hn & M); [lia|]. cbn [level]. cbv zeta.
    set (k := (DIGITS - S before)%nat). replace (DIGITS - before)%nat with (S k) in M by (unfold k; lia).
    set (digit := ((high / 2 ^ Z.of_nat (DIGIT_BITS * k)) mod 2 ^ Z.of_nat DIGIT_BITS)%Z).
    assert (Split : (high / 2 ^ Z.of_nat (DIGIT_BITS * k)
      = 2 ^ Z.of_nat DIGIT_BITS * (high / 2 ^ Z.of_nat (DIGIT_BITS * S k)) + digit)%Z).
    { replace (DIGIT_BITS * S k)%nat with (DIGIT_BITS * k + DIGIT_BITS)%nat by lia.
      rewrite Nat2Z.inj_add, Z.pow_add_r, <- Z.div_div by lia. apply Z.div_mod. lia. }
    assert (Angle : IZR (high / 2 ^ Z.of_nat (DIGIT_BITS * k))
        * (2 ^ (SHORT_BITS + DIGIT_BITS * k) * theta)
      = IZR (high / 2 ^ Z.of_nat (DIGIT_BITS * S k)) * (2 ^ (SHORT_BITS + DIGIT_BITS * S k) * theta)
        + IZR digit * (2 ^ (SHORT_BITS + DIGIT_BITS * k) * theta)).
    { rewrite Split, plus_IZR, mult_IZR.
      replace (SHORT_BITS + DIGIT_BITS * S k)%nat with (SHORT_BITS + DIGIT_BITS * k + DIGIT_BITS)%nat by lia.
      rewrite (pow_add 2 (SHORT_BITS + DIGIT_BITS * k)).
      change (IZR (2 ^ Z.of_nat DIGIT_BITS)) with 64.
      replace (2 ^ DIGIT_BITS) with 64 by (simpl; lra). ring. }
    rewrite Angle.
    assert (B : (0 <= digit < 2 ^ Z.of_nat DIGIT_BITS)%Z) by (apply Z.mod_pos_bound; lia).
    destruct (Z.eqb_spec digit 0) as [Z0|_].
    + exists n. split; [lia|]. rewrite Z0, Rmult_0_l, Rplus_0_r. exact M.
    + destruct (power_row_made (SHORT_BITS + DIGIT_BITS * k) DIGIT_BITS digit) as (n' & Hn' & M'); [lia|].
      rewrite Z.mod_small in M' by exact B.
      exists (n + n')%nat. split; [unfold DIGIT_BITS in Hn'; lia|].
      replace m with (m * 1) by ring. now apply made_times.
Qed.

(** The row at 128 · high, below zero the conjugate of the one above; and the row of the short table. *)
Definition high_row (position : Z) : fixed :=
  let high := (position / 2 ^ 7)%Z in
  if (high <? 0)%Z then conjugate (level DIGITS (- high)) else level DIGITS high.

Definition low_row (position : Z) : fixed := power_row 0 SHORT_BITS (position mod 2 ^ 7)%Z.

Theorem rows_made position :
  (- 2 ^ 62 <= position <= 2 ^ 62)%Z ->
  exists n n' phi phi', (n <= 63)%nat /\ (n' <= 63)%nat /\
    made n (high_row position) m phi /\ made n' (low_row position) 1 phi' /\
    phi + phi' = IZR position * theta.
Proof.
  intros P. set (high := (position / 2 ^ 7)%Z).
  assert (Split := Z.div_mod position (2 ^ 7) ltac:(lia)). fold high in Split.
  assert (L := Z.mod_pos_bound position (2 ^ 7) ltac:(lia)).
  set (low := (position mod 2 ^ 7)%Z) in *.
  destruct (power_row_made 0 SHORT_BITS low) as (n' & Hn' & M'); [lia|].
  rewrite Z.mod_small in M' by exact L. unfold SHORT_BITS in Hn'.
  assert (Sum : IZR position * theta = IZR high * (2 ^ 7 * theta) + IZR low * (2 ^ 0 * theta)).
  { rewrite Split at 1. rewrite plus_IZR, mult_IZR. replace (IZR (2 ^ 7)) with (2 ^ 7) by (simpl; lra).
    simpl. ring. }
  assert (Bound : (- 2 ^ 56 <= high <= 2 ^ 56)%Z) by lia.
  assert (Level : forall h, (0 <= h <= 2 ^ 56)%Z -> exists n, (n <= 63)%nat /\
    made n (level DIGITS h) m (IZR h * (2 ^ 7 * theta))).
  { intros h H. destruct (level_made DIGITS h) as (n & Hn & M); [lia| |].
    - change (Z.of_nat (DIGIT_BITS * DIGITS)) with 60%Z. lia.
    - exists n. split; [unfold DIGITS in Hn; lia|]. rewrite Nat.sub_diag, Nat.mul_0_r in M.
      change (2 ^ Z.of_nat 0)%Z with 1%Z in M. rewrite Z.div_1_r, Nat.add_0_r in M. exact M. }
  unfold high_row, low_row. fold high. fold low.
  destruct (Z.ltb_spec high 0) as [G|G].
  - destruct (Level (- high)%Z) as (n & Hn & M); [lia|].
    exists n, n', (- (IZR (- high) * (2 ^ 7 * theta))), (IZR low * (2 ^ 0 * theta)).
    repeat split; try lia; [now apply made_conjugate|exact M'|].
    rewrite Sum, opp_IZR. ring.
  - destruct (Level high) as (n & Hn & M); [lia|].
    exists n, n', (IZR high * (2 ^ 7 * theta)), (IZR low * (2 ^ 0 * theta)).
    repeat split; try lia; [exact M|exact M'|]. now rewrite Sum.
Qed.

(** ** The whole ladder: for every position up to 2^62 either way and a magnitude 2^e m. *)
Theorem table_f64 product_error e position :
  accurate product_error -> (forall x y, product_error (- x) y = - product_error x y) ->
  (-60 <= e)%Z -> (- 2 ^ 62 <= position <= 2 ^ 62)%Z ->
  let eps := DOUBLE_BOUND e in
  let ends x := (RN (fst x + RN (snd x - eps)), RN (fst x + RN (snd x + eps))) in
  let (c, s) := double_product product_error (row e (high_row position)) (row 0 (low_row position)) in
  (fst (ends c) = snd (ends c) -> fst (ends c) = RN (pow e * (m * cos (IZR position * theta)))) /\
  (fst (ends s) = snd (ends s) -> fst (ends s) = RN (pow e * (m * sin (IZR position * theta)))).
Proof.
  intros A O E P. destruct (rows_made position P) as (n & n' & phi & phi' & Hn & Hn' & M & M' & <-).
  exact (double_certified product_error A O e n n' _ _ m phi phi' E Hn Hn' M M').
Qed.

Theorem table_narrow narrow e position :
  (forall x y, x <= y -> narrow x <= narrow y) ->
  (-60 <= e)%Z -> (- 2 ^ 62 <= position <= 2 ^ 62)%Z ->
  let eps := PLAIN_BOUND e in
  let ends v := (narrow (RN (v - eps)), narrow (RN (v + eps))) in
  let (c, s) := plain_product (row e (high_row position)) (row 0 (low_row position)) in
  (fst (ends c) = snd (ends c) -> fst (ends c) = narrow (pow e * (m * cos (IZR position * theta)))) /\
  (fst (ends s) = snd (ends s) -> fst (ends s) = narrow (pow e * (m * sin (IZR position * theta)))).
Proof.
  intros Mono E P. destruct (rows_made position P) as (n & n' & phi & phi' & Hn & Hn' & M & M' & <-).
  exact (plain_certified e n n' _ _ m phi phi' E Hn Hn' M M' narrow Mono).
Qed.

End Plane.
