(** Chains of fixed-point products: an entry of the ladder's tables is a product of at most 63 seeds,
    in any order, and errs by less than 2^-117 whatever the position. *)

From Coq Require Import Reals ZArith Lra Lia Psatz.
From Coquelicot Require Import Complex.
Require Import Fixed.
Open Scope R_scope.

Definition unit : R := / IZR (2 ^ 126).

Lemma unit_positive : 0 < unit.
Proof. apply Rinv_0_lt_compat, IZR_lt. lia. Qed.

(** What a fixed-point number stands for, and the number of modulus m and angle phi. *)
Definition value (z : fixed) : C := (IZR (re z) * unit, IZR (im z) * unit).
Definition polar (m phi : R) : C := (m * cos phi, m * sin phi).

Lemma polar_mult m phi m' phi' : (polar m phi * polar m' phi')%C = polar (m * m') (phi + phi').
Proof.
  unfold polar, Cmult. simpl. rewrite cos_plus, sin_plus. f_equal; ring.
Qed.

Lemma Cmod_polar m phi : 0 <= m -> Cmod (polar m phi) = m.
Proof.
  intros H. unfold Cmod, polar. simpl.
  replace (m * cos phi * (m * cos phi * 1) + m * sin phi * (m * sin phi * 1)) with (m * m).
  - apply sqrt_square, H.
  - assert (S := sin2_cos2 phi). unfold Rsqr in S.
    transitivity (m * m * (sin phi * sin phi + cos phi * cos phi)); [rewrite S|]; ring.
Qed.

(** Components within d are within sqrt 2 d. *)
Lemma Cmod_components x y d : Rabs x <= d -> Rabs y <= d -> Cmod (x, y) <= sqrt 2 * d.
Proof.
  intros X Y. assert (D : 0 <= d) by (apply Rle_trans with (Rabs x); [apply Rabs_pos|exact X]).
  unfold Cmod. simpl. rewrite <- (sqrt_square d D), <- sqrt_mult by nra.
  apply sqrt_le_1; try nra.
  assert (x * x <= d * d) by (rewrite <- (Rabs_pos_eq d D) in X; apply Rsqr_le_abs_1 in X;
    unfold Rsqr in X; exact X).
  assert (y * y <= d * d) by (rewrite <- (Rabs_pos_eq d D) in Y; apply Rsqr_le_abs_1 in Y;
    unfold Rsqr in Y; exact Y).
  lra.
Qed.

Lemma sqrt_2_bound : sqrt 2 <= 1415 / 1000.
Proof.
  rewrite <- (sqrt_square (1415 / 1000)) by lra. apply sqrt_le_1; lra.
Qed.

Definition conjugate (z : fixed) : fixed := Fixed (re z) (- im z).

(** How entries come about: z is made of n seeds, each within one unit per component of a number
    m e^(i phi) with m <= 1. Moduli multiply and angles add up. *)
Inductive made : nat -> fixed -> R -> R -> Prop :=
| made_one : made 0 one 1 0
| made_seed z m phi :
    0 <= m <= 1 ->
    Rabs (IZR (re z) * unit - m * cos phi) <= unit ->
    Rabs (IZR (im z) * unit - m * sin phi) <= unit ->
    made 1 z m phi
| made_times n n' z z' m m' phi phi' :
    made n z m phi -> made n' z' m' phi' ->
    made (n + n') (times z z') (m * m') (phi + phi')
| made_conjugate n z m phi : made n z m phi -> made n (conjugate z) m (- phi).

Lemma made_modulus n z m phi : made n z m phi -> 0 <= m <= 1.
Proof. induction 1; nra. Qed.

Lemma multiply_comm a b : multiply a b = multiply b a.
Proof.
  unfold multiply. rewrite (Bool.xorb_comm (a <? 0)%Z).
  replace (multiply_magnitudes (Z.abs a) (Z.abs b)) with (multiply_magnitudes (Z.abs b) (Z.abs a));
    [reflexivity|]. unfold multiply_magnitudes.
  rewrite (Z.mul_comm (Z.abs b mod 2 ^ 64) (Z.abs a mod 2 ^ 64)),
    (Z.mul_comm (Z.shiftr (Z.abs b) 64) (Z.shiftr (Z.abs a) 64)),
    (Z.mul_comm (Z.shiftr (Z.abs b) 64) (Z.abs a mod 2 ^ 64)),
    (Z.mul_comm (Z.abs b mod 2 ^ 64) (Z.shiftr (Z.abs a) 64)).
  f_equal. f_equal. ring.
Qed.

Lemma times_comm a b : times a b = times b a.
Proof.
  unfold times. rewrite (multiply_comm (re a) (re b)), (multiply_comm (im a) (im b)),
    (multiply_comm (re a) (im b)), (multiply_comm (im a) (re b)). f_equal. ring.
Qed.

Lemma times_one_r z : times z one = z.
Proof. rewrite times_comm. apply times_one_l. Qed.

(** The error of a number made of n seeds, in units: 6n - 43/10, and none where there is no seed. *)
Definition err (n : nat) : R := match n with O => 0 | S _ => 6 * INR n - 43 / 10 end.

Lemma err_bounds n : (n <= 64)%nat -> 0 <= err n <= 400.
Proof.
  intros H. destruct n as [|n]; [simpl; lra|]. unfold err.
  assert (1 <= INR (S n) <= 64).
  { split; [rewrite S_INR; assert (P := pos_INR n); lra|].
    replace 64 with (INR 64) by (simpl; lra). apply le_INR, H. }
  lra.
Qed.

Lemma unit_small : 400 * 400 * unit <= / 100.
Proof.
  unfold unit. apply Rmult_le_reg_r with (IZR (2 ^ 126)); [apply IZR_lt; lia|].
  rewrite Rmult_assoc, Rinv_l by (apply Rgt_not_eq, IZR_lt; lia).
  rewrite Rmult_1_r. assert (IZR 160000000 <= IZR (2 ^ 126)) by (apply IZR_le; lia). lra.
Qed.

(** One product adds less than 3 sqrt 2 units. *)
Lemma times_value a b :
  Cmod (value (times a b) - value a * value b)%C <= 4245 / 1000 * unit.
Proof.
  destruct (times_error a b) as [X Y].
  assert (U := unit_positive).
  assert (K : forall k z, (Z.abs (k - 2 ^ 126 * z) < 3 * 2 ^ 126)%Z ->
    Rabs (IZR z * unit - IZR k * unit * unit) <= 3 * unit).
  { intros k z H.
    replace (IZR z * unit - IZR k * unit * unit)
      with (- IZR (k - 2 ^ 126 * z) * (unit * unit)).
    - rewrite Rabs_mult, Rabs_Ropp, <- abs_IZR, (Rabs_pos_eq (unit * unit)) by nra.
      replace (3 * unit) with (IZR (3 * 2 ^ 126) * (unit * unit)).
      + apply Rmult_le_compat_r; [nra|]. apply IZR_le. lia.
      + rewrite mult_IZR. unfold unit. field. apply Rgt_not_eq, IZR_lt. lia.
    - rewrite minus_IZR, mult_IZR. unfold unit. field. apply Rgt_not_eq, IZR_lt. lia. }
  apply K in X. apply K in Y.
  assert (E : (value (times a b) - value a * value b)%C
    = (IZR (re (times a b)) * unit - IZR (re a * re b - im a * im b) * unit * unit,
       IZR (im (times a b)) * unit - IZR (re a * im b + im a * re b) * unit * unit)).
  { unfold value, Cminus, Cplus, Copp, Cmult. cbn [fst snd].
    rewrite minus_IZR, plus_IZR, !mult_IZR. f_equal; ring. }
  rewrite E. apply Rle_trans with (sqrt 2 * (3 * unit)); [now apply Cmod_components|].
  assert (S := sqrt_2_bound). nra.
Qed.

(** ** The chain. *)
Theorem chain n z m phi :
  made n z m phi -> (n <= 64)%nat ->
  (n = 0%nat -> z = one /\ m = 1 /\ phi = 0) /\ Cmod (value z - polar m phi)%C <= err n * unit.
Proof.
  assert (U := unit_positive).
  induction 1 as [|z m phi M X Y|n n' z z' m m' phi phi' H IH H' IH'|n z m phi H IH]; intros N.
  - split; [now repeat split|]. simpl err.
    replace (value one - polar 1 0)%C with (0%R, 0%R); [change (0%R, 0%R) with (RtoC 0); rewrite Cmod_0; lra|].
    unfold value, polar, Cminus, Cplus, Copp. cbn [fst snd re im one].
    rewrite cos_0, sin_0. unfold unit. f_equal; [|ring]. field. apply Rgt_not_eq, IZR_lt. lia.
  - split; [discriminate|]. change (err 1) with (6 * INR 1 - 43 / 10). simpl INR.
    apply Rle_trans with (sqrt 2 * unit).
    + apply Cmod_components; assumption.
    + assert (S := sqrt_2_bound). nra.
  - destruct IH as [Z E]; [lia|]. destruct IH' as [Z' E']; [lia|].
    destruct n as [|n].
    { destruct Z as (-> & -> & ->); [reflexivity|].
      rewrite times_one_l, Rmult_1_l, Rplus_0_l. split; [exact Z'|exact E']. }
    destruct n' as [|n'].
    { destruct Z' as (-> & -> & ->); [reflexivity|].
      rewrite times_one_r, Rmult_1_r, Rplus_0_r, Nat.add_0_r. split; [exact Z|exact E]. }
    split; [discriminate|].
    assert (B := err_bounds (S n) ltac:(lia)). assert (B' := err_bounds (S n') ltac:(lia)).
    destruct (made_modulus _ _ _ _ H) as [M0 M1]. destruct (made_modulus _ _ _ _ H') as [M0' M1'].
    rewrite <- polar_mult.
    replace (value (times z z') - polar m phi * polar m' phi')%C
      with ((value (times z z') - value z * value z')
            + ((value z - polar m phi) * (value z' - polar m' phi')
               + ((value z - polar m phi) * polar m' phi'
                  + polar m phi * (value z' - polar m' phi'))))%C by ring.
    eapply Rle_trans; [apply Cmod_triangle|].
    eapply Rle_trans; [apply Rplus_le_compat_l, Cmod_triangle|].
    eapply Rle_trans; [apply Rplus_le_compat_l, Rplus_le_compat_l, Cmod_triangle|].
    rewrite !Cmod_mult, !Cmod_polar by assumption.
    assert (T := times_value z z'). assert (V := unit_small).
    assert (C := Cmod_ge_0 (value z - polar m phi)%C).
    assert (C' := Cmod_ge_0 (value z' - polar m' phi')%C).
    set (c := Cmod (value z - polar m phi)%C) in *.
    set (c' := Cmod (value z' - polar m' phi')%C) in *.
    assert (P1 : c * c' <= / 100 * unit).
    { apply Rle_trans with ((err (S n) * unit) * (err (S n') * unit)).
      - apply Rmult_le_compat; assumption.
      - assert (Q : err (S n) * err (S n') * unit <= / 100).
        { apply Rle_trans with (400 * 400 * unit); [|exact V].
          apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat; lra. }
        replace (err (S n) * unit * (err (S n') * unit))
          with (err (S n) * err (S n') * unit * unit) by ring.
        apply Rmult_le_compat_r; lra. }
    assert (P2 : c * m' <= err (S n) * unit)
      by (apply Rle_trans with (c * 1); [apply Rmult_le_compat_l; lra|lra]).
    assert (P3 : m * c' <= err (S n') * unit)
      by (apply Rle_trans with (1 * c'); [apply Rmult_le_compat_r; lra|lra]).
    replace (err (S n + S n')) with (err (S n) + err (S n') + 43 / 10); [lra|].
    unfold err. cbn [Nat.add]. rewrite !S_INR, plus_INR, S_INR. ring.
  - destruct IH as [Z E]; [exact N|]. split.
    { intros Q. destruct (Z Q) as (-> & -> & ->). unfold conjugate, one. simpl re. simpl im.
      repeat split. ring. }
    replace (value (conjugate z) - polar m (- phi))%C with (Cconj (value z - polar m phi)%C).
    + replace (Cmod (Cconj (value z - polar m phi)%C)) with (Cmod (value z - polar m phi)%C);
        [exact E|]. unfold Cmod, Cconj. cbn [fst snd]. f_equal. ring.
    + unfold value, polar, conjugate, Cconj, Cminus, Cplus, Copp. cbn [fst snd re im].
      rewrite cos_neg, sin_neg, opp_IZR. f_equal; ring.
Qed.

(** 63 seeds: 62 bits of a position, and the magnitude. *)
Theorem chain_bound n z m phi :
  made n z m phi -> (n <= 63)%nat ->
  Rabs (IZR (re z) * unit - m * cos phi) <= / IZR (2 ^ 117) /\
  Rabs (IZR (im z) * unit - m * sin phi) <= / IZR (2 ^ 117).
Proof.
  intros H N. destruct (chain n z m phi H ltac:(lia)) as [_ E].
  assert (B := err_bounds n ltac:(lia)). assert (U := unit_positive).
  assert (K : err n * unit <= / IZR (2 ^ 117)).
  { apply Rle_trans with (512 * unit); [nra|]. unfold unit.
    replace (2 ^ 126)%Z with (512 * 2 ^ 117)%Z by reflexivity. rewrite mult_IZR.
    right. field. apply Rgt_not_eq, IZR_lt. lia. }
  assert (R := Rmax_Cmod (value z - polar m phi)%C).
  unfold value, polar, Cminus, Cplus, Copp in R, E. cbn [fst snd] in R.
  split; (eapply Rle_trans; [|exact (Rle_trans _ _ _ R (Rle_trans _ _ _ E K))]).
  - apply Rmax_l.
  - apply Rmax_r.
Qed.
