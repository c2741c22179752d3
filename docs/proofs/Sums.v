(** Finite sums over the reals, the only tool that the algebra needs. *)

From Coq Require Import Reals Lra Lia Arith.
Open Scope R_scope.

(** f 0 + … + f (n - 1). *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S n => sum n f + f n
  end.

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; intros H; simpl; [reflexivity|].
  rewrite IH by (intros; apply H; lia). now rewrite H by lia.
Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n as [|n IH]; simpl; [ring|]. rewrite IH. ring. Qed.

Lemma sum_scale n a f : sum n (fun i => a * f i) = a * sum n f.
Proof. induction n as [|n IH]; simpl; [ring|]. rewrite IH. ring. Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. induction n as [|n IH]; simpl; [reflexivity|]. rewrite IH. ring. Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  induction n as [|n IH]; intros H; simpl; [lra|].
  apply Rplus_le_compat; [apply IH; intros; apply H; lia | apply H; lia].
Qed.

Lemma sum_swap n m f :
  sum n (fun i => sum m (fun j => f i j)) = sum m (fun j => sum n (fun i => f i j)).
Proof.
  induction n as [|n IH]; simpl.
  - symmetry. apply sum_zero.
  - rewrite IH. symmetry. apply sum_plus.
Qed.

(** A sum that picks one index. *)
Lemma sum_pick n a f :
  (a < n)%nat -> sum n (fun j => if Nat.eqb j a then f j else 0) = f a.
Proof.
  induction n as [|n IH]; intros H; [lia|]. simpl.
  destruct (Nat.eq_dec a n) as [->|N].
  - rewrite Nat.eqb_refl.
    rewrite (sum_ext n _ (fun _ => 0)), sum_zero; [ring|].
    intros i Hi. destruct (Nat.eqb_spec i n); [lia|reflexivity].
  - rewrite IH by lia. destruct (Nat.eqb_spec n a); [lia|ring].
Qed.

(** A sum that picks nothing. *)
Lemma sum_pick_none n a f :
  (n <= a)%nat -> sum n (fun j => if Nat.eqb j a then f j else 0) = 0.
Proof.
  intros H. rewrite (sum_ext n _ (fun _ => 0)); [apply sum_zero|].
  intros i Hi. destruct (Nat.eqb_spec i a); [lia|reflexivity].
Qed.
