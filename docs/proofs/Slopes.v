(** ALiBi's slopes (src/encoding/alibi.rs): the one power of two that the program has for a head is
    what the list-building code of the release, and the text of the paper, say. *)

From Coq Require Import Reals ZArith Lra Lia.
Open Scope R_scope.

(** ** Press's [get_slopes_power_of_2]: start = 2^(-2^-(log2 n - 3)), ratio = start, and the list
    start · ratio^i. *)
Definition start (n : nat) : R := Rpower 2 (- Rpower 2 (- (ln (INR n) / ln 2 - 3))).
Definition geometric (n i : nat) : R := start n * start n ^ i.

(** [get_slopes] for n heads, head i: the list for a power of two, else that of the largest power p
    below and every second one of the list for 2p. *)
Definition released (n i : nat) : R :=
  let p := (2 ^ Nat.log2 n)%nat in
  if Nat.ltb i p then geometric p i else geometric (2 * p) (2 * (i - p)).

(** The paper: a geometric sequence that starts at 2^(-8/n) and has that as its ratio. *)
Definition paper (n i : nat) : R := Rpower 2 (- 8 / INR n) * Rpower 2 (- 8 / INR n) ^ i.

(** ** The program: one power of two, [bias_max] = 8. *)
Definition code (n i : nat) : R :=
  let lower := (2 ^ Nat.log2 n)%nat in
  if Nat.ltb i lower then Rpower 2 (- 8 * INR (i + 1) / INR lower)
  else Rpower 2 (- 8 * INR (2 * (i - lower) + 1) / INR (2 * lower)).

Definition code_paper (n i : nat) : R := Rpower 2 (- 8 * INR (i + 1) / INR n).

Lemma ln_2_positive : 0 < ln 2.
Proof. rewrite <- ln_1. apply ln_increasing; lra. Qed.

Lemma start_is n : (0 < n)%nat -> start n = Rpower 2 (- 8 / INR n).
Proof.
  intros H. assert (P : 0 < INR n) by (apply lt_0_INR; lia). assert (L := ln_2_positive).
  unfold start. f_equal.
  replace (- (ln (INR n) / ln 2 - 3)) with (3 + - (ln (INR n) / ln 2)) by ring.
  rewrite Rpower_plus, Rpower_Ropp.
  replace (Rpower 2 (ln (INR n) / ln 2)) with (INR n).
  - replace 3 with (INR 3) at 1 by (simpl; ring). rewrite Rpower_pow by lra. simpl. field. lra.
  - unfold Rpower. replace (ln (INR n) / ln 2 * ln 2) with (ln (INR n)) by (field; lra).
    now rewrite exp_ln.
Qed.

Lemma power_series x i : Rpower 2 x * Rpower 2 x ^ i = Rpower 2 (x * INR (i + 1)).
Proof.
  rewrite <- (Rpower_pow i) by apply exp_pos. rewrite Rpower_mult, <- Rpower_plus. f_equal.
  rewrite plus_INR. simpl. ring.
Qed.

Lemma geometric_is n i : (0 < n)%nat -> geometric n i = Rpower 2 (- 8 * INR (i + 1) / INR n).
Proof.
  intros H. unfold geometric. rewrite start_is by exact H. rewrite power_series. f_equal.
  unfold Rdiv. ring.
Qed.

Theorem slopes_of_the_release n i : (0 < n)%nat -> released n i = code n i.
Proof.
  intros H. unfold released, code. cbv zeta.
  assert (P : (0 < 2 ^ Nat.log2 n)%nat) by (apply Nat.neq_0_lt_0, Nat.pow_nonzero; lia).
  destruct (Nat.ltb i (2 ^ Nat.log2 n)); apply geometric_is; lia.
Qed.

Theorem slopes_of_the_paper n i : (0 < n)%nat -> paper n i = code_paper n i.
Proof.
  intros H. unfold paper, code_paper. rewrite power_series. f_equal. unfold Rdiv. ring.
Qed.

(** A power of two of heads: both are the same list. *)
Theorem slopes_agree k i : (i < 2 ^ k)%nat -> code (2 ^ k) i = code_paper (2 ^ k) i.
Proof.
  intros H. unfold code, code_paper. rewrite Nat.log2_pow2 by lia. cbv zeta.
  now destruct (Nat.ltb_spec i (2 ^ k)); [|lia].
Qed.

(** Bloom's and MPT's slopes for 8 heads are exact powers of two: 1/2, 1/4, …, 1/256. *)
Theorem eight_heads i : (i < 8)%nat -> code 8 i = / 2 ^ (i + 1).
Proof.
  intros H. unfold code. change (2 ^ Nat.log2 8)%nat with 8%nat.
  destruct (Nat.ltb_spec i 8) as [_|G]; [|lia].
  replace (- 8 * INR (i + 1) / INR 8) with (- INR (i + 1)) by (simpl (INR 8); field).
  now rewrite Rpower_Ropp, Rpower_pow by lra.
Qed.
