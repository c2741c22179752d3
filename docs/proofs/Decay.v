(** Long-term decay (RoFormer §3.4.3, Eq. 35 to 37), tied to the score, and its converse (Barbero et
    al. 2024, Proposition 3.1). *)

From Coq Require Import Reals Lra Lia Arith.
From Coquelicot Require Import Complex.
Require Import Sums Algebra.
Open Scope R_scope.
Open Scope C_scope.

(** f 0 + … + f (n - 1) of complex numbers. *)
Fixpoint csum (n : nat) (f : nat -> C) : C :=
  match n with
  | O => 0
  | S n => csum n f + f n
  end.

(** The largest of f 0, …, f (n - 1), which are not negative. *)
Fixpoint largest (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0%R
  | S n => Rmax (largest n f) (f n)
  end.

Lemma largest_bounds n f i : (i < n)%nat -> (f i <= largest n f)%R.
Proof.
  induction n as [|n IH]; intros H; [lia|]. simpl.
  destruct (Nat.eq_dec i n) as [->|N]; [apply Rmax_r|].
  apply Rle_trans with (largest n f); [apply IH; lia|apply Rmax_l].
Qed.

(** It is a maximum: one of the numbers has it. *)
Lemma largest_attained n f :
  (0 < n)%nat -> (forall i, (i < n)%nat -> (0 <= f i)%R) ->
  exists i, (i < n)%nat /\ f i = largest n f.
Proof.
  induction n as [|n IH]; intros H P; [lia|]. simpl.
  destruct n as [|n].
  - exists 0%nat. split; [lia|]. simpl. rewrite Rmax_right; [reflexivity|apply P; lia].
  - destruct IH as (i & Hi & E); [lia|intros i Hi; apply P; lia|].
    destruct (Rle_dec (largest (S n) f) (f (S n))) as [L|L].
    + exists (S n). split; [lia|]. now rewrite Rmax_right.
    + exists i. split; [lia|]. rewrite Rmax_left; [exact E|lra].
Qed.

(** S_j = e_0 + … + e_(j - 1). *)
Definition partial (e : nat -> C) (j : nat) : C := csum j e.

(** ** The Abel identity, for any h with h_n = 0. *)
Theorem abel n (h e : nat -> C) :
  h n = 0 ->
  csum n (fun i => h i * e i)
  = - csum n (fun i => partial e (S i) * (h (S i) - h i)).
Proof.
  intros H.
  assert (K : forall k, csum k (fun i => h i * e i)
    = h k * partial e k - csum k (fun i => partial e (S i) * (h (S i) - h i))).
  { induction k as [|k IH]; [unfold partial; simpl; ring|].
    cbn [csum]. rewrite IH. unfold partial. cbn [csum]. ring. }
  rewrite K, H. ring.
Qed.

Lemma csum_triangle n f : (Cmod (csum n f) <= sum n (fun i => Cmod (f i)))%R.
Proof.
  induction n as [|n IH]; simpl; [rewrite Cmod_0; lra|].
  apply Rle_trans with (Cmod (csum n f) + Cmod (f n))%R; [apply Cmod_triangle|lra].
Qed.

(** ** The bound (Eq. 37). *)
Theorem decay_bound n (h e : nat -> C) :
  h n = 0 ->
  (Cmod (csum n (fun i => h i * e i)%C)
   <= largest n (fun i => Cmod (h (S i) - h i)%C) * sum n (fun i => Cmod (partial e (S i))))%R.
Proof.
  intros H. rewrite (abel n h e H), Cmod_opp.
  eapply Rle_trans; [apply csum_triangle|]. rewrite <- sum_scale.
  apply sum_le. intros i Hi. rewrite Cmod_mult, Rmult_comm.
  apply Rmult_le_compat_r; [apply Cmod_ge_0|].
  apply (largest_bounds n (fun i => Cmod (h (S i) - h i)%C) i Hi).
Qed.

Lemma Re_csum n f : Re (csum n f) = sum n (fun i => Re (f i)).
Proof. induction n as [|n IH]; simpl; [reflexivity|]. now rewrite <- IH. Qed.

Lemma Re_le_Cmod z : (Rabs (Re z) <= Cmod z)%R.
Proof. eapply Rle_trans; [apply Rmax_l|apply Rmax_Cmod]. Qed.

(** ** What that says of scores of rotated vectors. *)

(** h_i = q_i times the conjugate of k_i for the planes of a head, and h_planes = 0. *)
Definition products (re im : nat -> nat) (planes : nat) (q k : vector) : nat -> C :=
  fun i => if Nat.ltb i planes
           then ((q (re i), q (im i)) : C) * Cconj (k (re i), k (im i))
           else 0.

(** e_i = e^(i (m - n) θ_i). *)
Definition phasors (theta : nat -> R) (distance : R) : nat -> C :=
  fun i => (cos (distance * theta i), sin (distance * theta i)).

Lemma score_is_real_part re im planes theta q k distance :
  sum planes (fun i =>
    ((q (re i) * k (re i) + q (im i) * k (im i)) * cos (distance * theta i)
     + (q (re i) * k (im i) - q (im i) * k (re i)) * sin (distance * theta i))%R)
  = Re (csum planes (fun i => products re im planes q k i * phasors theta distance i)).
Proof.
  rewrite Re_csum. apply sum_ext. intros i Hi. unfold products, phasors.
  destruct (Nat.ltb_spec i planes); [|lia]. unfold Re, Cconj. simpl. ring.
Qed.

Theorem score_bound re im planes dim theta q k m n :
  apart re im planes -> inside re im planes dim ->
  (forall j, (j < dim)%nat -> outside re im planes j = false) ->
  let h := products re im planes q k in
  let e := phasors theta (m - n)%R in
  (Rabs (dot dim (rotate re im planes one (fun i => m * theta i)%R q)
                 (rotate re im planes one (fun i => n * theta i)%R k))
   <= largest planes (fun i => Cmod (h (S i) - h i)%C) * sum planes (fun i => Cmod (partial e (S i))))%R.
Proof.
  intros A I W h e. unfold one.
  rewrite (relative_position re im planes dim 1 theta q k m n A I).
  rewrite (sum_ext dim _ (fun _ => 0%R)), sum_zero, Rplus_0_r, Rmult_1_l, Rmult_1_l.
  2: { intros j Hj. now rewrite W. }
  rewrite score_is_real_part. eapply Rle_trans; [apply Re_le_Cmod|].
  apply decay_bound. unfold h, products. now rewrite Nat.ltb_irrefl.
Qed.

(** ** No decay: for every distance a key whose score is largest there. *)

(** With k = R(r) q the score at distance d is at most |q|², and it is |q|² at d = r: k is placed at
    position 0 and q at position d. *)
Theorem no_decay re im planes dim theta q r d :
  apart re im planes -> inside re im planes dim ->
  let k := rotate re im planes one (fun i => r * theta i)%R q in
  (dot dim (rotate re im planes one (fun i => d * theta i)%R q) k
   <= dot dim (rotate re im planes one (fun i => r * theta i)%R q) k)%R
  /\ dot dim (rotate re im planes one (fun i => r * theta i)%R q) k = dot dim q q.
Proof.
  intros A I k.
  assert (E : dot dim (rotate re im planes one (fun i => r * theta i)%R q) k = dot dim q q)
    by (apply isometry; assumption).
  split; [|exact E]. rewrite E. unfold k.
  rewrite (score re im planes dim _ _ _ _ q q A I).
  unfold dot. rewrite (sum_by_planes re im planes dim (fun j => (q j * q j)%R) A I).
  apply Rplus_le_compat_r. apply sum_le. intros i _. unfold one.
  assert (C1 := COS_bound (d * theta i - r * theta i)%R).
  assert (P : (0 <= q (re i) * q (re i) + q (im i) * q (im i))%R).
  { assert (X := Rle_0_sqr (q (re i))). assert (Y := Rle_0_sqr (q (im i))).
    unfold Rsqr in *. lra. }
  assert (M : ((q (re i) * q (re i) + q (im i) * q (im i)) * cos (d * theta i - r * theta i)
               <= (q (re i) * q (re i) + q (im i) * q (im i)) * 1)%R)
    by (apply Rmult_le_compat_l; lra).
  lra.
Qed.

(** What is missing elsewhere is a sum of squares: |q|² Re-part by plane. *)
Theorem no_decay_gap x y u w :
  ((x * x + y * y) * (1 - cos (w - u))
   = / 2 * ((x * x + y * y) * (Rsqr (cos w - cos u) + Rsqr (sin w - sin u))))%R.
Proof.
  rewrite cos_minus. unfold Rsqr.
  assert (W := sin2_cos2 w). assert (U := sin2_cos2 u). unfold Rsqr in *. nra.
Qed.
