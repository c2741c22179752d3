From Coq Require Import Reals ZArith Lia Lra List.
From Flocq Require Import Core.
From Interval Require Import Real.Xreal Float.Basic Float.Sig Float.Specific_bigint Float.Specific_ops
  Interval.Interval Interval.Float_full.
From Bignums Require Import BigZ.
Require Import Nearest.
Open Scope R_scope.

(** ** Enclosures: CoqInterval's operations, with ends of any precision. *)
Module F := SpecificFloat BigIntRadix2.
Module I := FloatIntervalFull F.

Definition encloses (i : I.type) (x : R) : Prop := contains (I.convert i) (Xreal x).

(** m · 2^e, exactly. *)
Definition point (m e : Z) : F.type := F.scale2 (F.fromZ m) (F.ZtoS e).
Lemma point_is m e : F.toX (point m e) = Xreal (IZR m * powerRZ 2 e).
Proof.
  unfold point. rewrite F.scale2_correct by reflexivity. rewrite F.fromZ_correct'.
  cbn [Xmul Xbind2]. rewrite powerRZ_bpow. do 3 f_equal. apply BigZ.spec_of_Z.
Qed.

Definition exactly (m e : Z) : I.type := let x := point m e in Float.Ibnd x x.


(** Comparisons that ends decide. *)
Definition less (x y : F.type) : bool := match F.cmp x y with Xlt => true | _ => false end.
Definition at_most (x y : F.type) : bool :=
  match F.cmp x y with Xlt | Xeq => true | _ => false end.

Lemma cmp_is x y :
  match F.cmp x y with
  | Xlt => F.toX x = Xreal (F.toR x) /\ F.toX y = Xreal (F.toR y) /\ F.toR x < F.toR y
  | Xeq => F.toX x = Xreal (F.toR x) /\ F.toX y = Xreal (F.toR y) /\ F.toR x = F.toR y
  | _ => True
  end.
Proof.
  rewrite F.cmp_correct. generalize (F.classify_correct x) (F.classify_correct y).
  rewrite !F.real_correct. unfold F.toR.
  destruct x as [|mx ex], y as [|my ey]; cbn [F.classify]; try easy.
  destruct (F.toX _) as [|a], (F.toX _) as [|b]; try easy. intros _ _. cbn [Xcmp proj_val].
  destruct (Rcompare_spec a b); easy.
Qed.

Lemma less_is x y :
  less x y = true -> F.toX x = Xreal (F.toR x) /\ F.toX y = Xreal (F.toR y) /\ F.toR x < F.toR y.
Proof. unfold less. generalize (cmp_is x y). now destruct (F.cmp x y). Qed.

Lemma at_most_is x y :
  at_most x y = true -> F.toX x = Xreal (F.toR x) /\ F.toX y = Xreal (F.toR y) /\ F.toR x <= F.toR y.
Proof.
  unfold at_most. generalize (cmp_is x y). destruct (F.cmp x y); intuition (try discriminate); lra.
Qed.

Lemma point_real m e : F.toR (point m e) = IZR m * powerRZ 2 e.
Proof. unfold F.toR. now rewrite point_is. Qed.

Lemma encloses_ends l u x :
  encloses (Float.Ibnd l u) x ->
  (F.toX l = Xreal (F.toR l) -> F.toR l <= x) /\ (F.toX u = Xreal (F.toR u) -> x <= F.toR u).
Proof.
  unfold encloses. cbn [I.convert]. destruct (_ && _)%bool; cbn [contains].
  - intros [A B]. split; intros E; rewrite E in *; assumption.
  - intros [A B]. lra.
Qed.

Lemma encloses_point m e x : x = IZR m * powerRZ 2 e -> encloses (exactly m e) x.
Proof.
  intros ->. unfold encloses, exactly. cbv zeta. cbn [I.convert].
  rewrite F.valid_lb_correct, F.valid_ub_correct.
  generalize (point_is m e). destruct (point m e) as [|n k]; cbn [F.classify]; [easy|].
  intros E. cbn [andb]. change I.F.toX with F.toX. rewrite E. cbn [contains]. lra.
Qed.

(** Whether all of one enclosure is at most, or below, all of another. *)
Definition before (strict : bool) (i j : I.type) : bool :=
  match i, j with
  | Float.Ibnd _ u, Float.Ibnd l _ => if strict then less u l else at_most u l
  | _, _ => false
  end.

Lemma before_is strict i j x y :
  before strict i j = true -> encloses i x -> encloses j y -> if strict then x < y else x <= y.
Proof.
  destruct i as [|li ui], j as [|lj uj]; try easy. cbn [before]. intros H A B.
  apply encloses_ends in A. apply encloses_ends in B. destruct strict.
  - apply less_is in H. destruct H as (P & Q & H). apply A in P. apply B in Q. lra.
  - apply at_most_is in H. destruct H as (P & Q & H). apply A in P. apply B in Q. lra.
Qed.

(** Whether an enclosure is one number, m · 2^e. *)
Definition is (i : I.type) (m e : Z) : bool :=
  let j := exactly m e in (before false i j && before false j i)%bool.

Lemma is_right i m e x : is i m e = true -> encloses i x -> x = IZR m * powerRZ 2 e.
Proof.
  unfold is. cbv zeta. intros H E. apply andb_prop in H. destruct H as [A B].
  assert (P : encloses (exactly m e) (IZR m * powerRZ 2 e)) by now apply encloses_point.
  apply (before_is _ _ _ _ _ A E) in P as A'.
  assert (B' := before_is _ _ _ _ _ B P E). cbv beta iota in *. lra.
Qed.

(** The integer that an enclosure is, if it is one. *)
Definition whole (i : I.type) : option Z :=
  let guess := match i with
    | Float.Ibnd l _ => match F.toF l with
        | Basic.Float s m e =>
            let n := (if 0 <=? e then Z.pos m * 2 ^ Z.min e 99 else Z.pos m / 2 ^ Z.min (- e) 9999)%Z in
            if s then (- n)%Z else n
        | _ => 0%Z
        end
    | _ => 0%Z
    end in
  if is i guess 0 then Some guess else None.

Lemma whole_right i n x : whole i = Some n -> encloses i x -> x = IZR n.
Proof.
  unfold whole. cbv zeta. match goal with |- context [is i ?g 0] => set (guess := g) end.
  destruct (is i guess 0) eqn:H; [|discriminate]. intros E. injection E as <-. intros E.
  rewrite (is_right _ _ _ _ H E). rewrite powerRZ_O. ring.
Qed.

(** Where an operation is not defined its enclosure is everything. *)
Lemma lax g i (r : ExtendedR) x :
  contains (I.convert g) r -> (r = Xreal x \/ r = Xnan) -> i = g -> encloses i x.
Proof.
  intros H [->| ->] ->; [exact H|]. unfold encloses. now destruct (I.convert g).
Qed.

(** ** Cosine and sine of a narrow enclosure from their value at its lower end, since they grow no
    faster than their argument: CoqInterval evaluates them at both ends, which takes twice as long. *)
Lemma ends_enclose l u x :
  (F.toX l = Xreal (F.toR l) -> F.toR l <= x) -> (F.toX u = Xreal (F.toR u) -> x <= F.toR u) ->
  encloses (Float.Ibnd l u) x.
Proof.
  intros A B. unfold encloses. cbn [I.convert].
  assert (V : (I.F.valid_lb l && I.F.valid_ub u)%bool = true).
  { change I.F.valid_lb with F.valid_lb. change I.F.valid_ub with F.valid_ub.
    rewrite F.valid_lb_correct, F.valid_ub_correct. now destruct l, u. }
  rewrite V. change I.F.toX with F.toX. cbn [contains]. unfold F.toR in *.
  destruct (F.toX l), (F.toX u); cbn [proj_val] in *; auto.
Qed.

Definition single (x : F.type) : I.type := Float.Ibnd x x.

(** At least the width. *)
Definition rise (p : F.precision) (l u : F.type) : F.type :=
  match I.sub p (single u) (single l) with Float.Ibnd _ w => w | Float.Inan => F.nan end.

Lemma rise_is p l u :
  F.toX l = Xreal (F.toR l) -> F.toX u = Xreal (F.toR u) ->
  F.toX (rise p l u) = Xreal (F.toR (rise p l u)) -> F.toR u - F.toR l <= F.toR (rise p l u).
Proof.
  intros L U. assert (H : encloses (I.sub p (single u) (single l)) (F.toR u - F.toR l)).
  { apply (I.sub_correct p _ _ (Xreal _) (Xreal _)); apply ends_enclose; lra. }
  unfold rise. destruct (I.sub _ _ _); [discriminate|]. apply encloses_ends in H. apply H.
Qed.

Definition trigonometric (p : F.precision) (f : I.type -> I.type) (i : I.type) : I.type :=
  match i with
  | Float.Ibnd l u =>
      if at_most l u then let w := rise p l u in I.add p (f (single l)) (Float.Ibnd (F.neg w) w) else f i
  | Float.Inan => f i
  end.

Lemma neg_real w : F.toX (F.neg w) = Xreal (F.toR (F.neg w)) ->
  F.toX w = Xreal (F.toR w) /\ F.toR (F.neg w) = - F.toR w.
Proof.
  generalize (F.neg_correct w) (F.classify_correct w). rewrite F.real_correct. unfold F.toR.
  destruct (F.classify w) eqn:C; destruct w as [|m e]; try discriminate.
  destruct (F.toX (Specific_ops.Float m e)) as [|r]; [easy|]. intros -> _ _. easy.
Qed.

Lemma trigonometric_right p (f : R -> R) (g : R -> R) h i x :
  (forall i x, encloses i x -> encloses (h i) (f x)) ->
  (forall x, derivable_pt_lim f x (g x)) -> (forall x, Rabs (g x) <= 1) ->
  encloses i x -> encloses (trigonometric p h i) (f x).
Proof.
  intros Right D Small A. destruct i as [|l u]; cbn [trigonometric]; [now apply Right|].
  destruct (at_most l u) eqn:Real; [|now apply Right]. cbv zeta.
  apply at_most_is in Real. destruct Real as (L & U & _).
  apply encloses_ends in A. destruct A as [A B]. specialize (A L). specialize (B U).
  replace (f x) with (f (F.toR l) + (f x - f (F.toR l))) by ring.
  apply (I.add_correct p _ _ (Xreal _) (Xreal _)).
  { apply Right, ends_enclose; lra. }
  assert (S : Rabs (f x - f (F.toR l)) <= x - F.toR l).
  { destruct (MVT_abs f g (F.toR l) x) as (c & -> & _); [intros; apply D|].
    rewrite (Rabs_pos_eq (x - _)) by lra. rewrite <- (Rmult_1_l (x - _)) at 2.
    apply Rmult_le_compat_r; [lra|apply Small]. }
  assert (W := rise_is p l u L U). apply Raux.Rabs_le_inv in S.
  apply ends_enclose.
  - intros N. apply neg_real in N. destruct N as [N ->]. specialize (W N). lra.
  - intros N. specialize (W N). lra.
Qed.

Lemma cos_right p i x : encloses i x -> encloses (trigonometric p (I.cos p) i) (cos x).
Proof.
  apply (trigonometric_right p cos (fun x => - sin x)).
  - intros j y. apply (I.cos_correct p _ (Xreal _)).
  - apply derivable_pt_lim_cos.
  - intros y. rewrite Rabs_Ropp. apply Rabs_le, SIN_bound.
Qed.

(** Far from 0 a sine is taken as a cosine: next to a multiple of PI, CoqInterval's loses half of its
    digits. *)
Definition sine (p : F.precision) (i : I.type) : I.type :=
  if (before false (exactly (-1) 0) i && before false i (exactly 1 0))%bool
  then trigonometric p (I.sin p) i
  else trigonometric p (I.cos p) (I.sub p (I.mul p (exactly 1 (-1)) (I.pi p)) i).

Lemma sine_right p i x : encloses i x -> encloses (sine p i) (sin x).
Proof.
  intros A. unfold sine. destruct (_ && _)%bool.
  - revert A. apply (trigonometric_right p sin cos).
    + intros j y. apply (I.sin_correct p _ (Xreal _)).
    + apply derivable_pt_lim_sin.
    + intros y. apply Rabs_le, COS_bound.
  - rewrite <- cos_shift. apply cos_right.
    replace (PI / 2) with (IZR 1 * powerRZ 2 (-1) * PI) by (change (powerRZ 2 (-1)) with (/ (2 * 1)); field).
    apply (I.sub_correct p _ _ (Xreal _) (Xreal _)); [|exact A].
    apply (I.mul_correct p _ _ (Xreal _) (Xreal _)); [now apply encloses_point|apply I.pi_correct].
Qed.

(** ** Real expressions. [Known n] is the n-th of some numbers that are enclosed already. *)
Inductive expr :=
  | Known (n : nat) | Int (n : Z) | Bits (f : format) (bits : Z) | Pi
  | Neg (a : expr) | Inv (a : expr) | Sqrt (a : expr) | Exp (a : expr) | Ln (a : expr)
  | Cos (a : expr) | Sin (a : expr) | Floor (a : expr) | Ceil (a : expr)
  | Add (a b : expr) | Sub (a b : expr) | Mul (a b : expr) | Div (a b : expr)
  | Max (a b : expr) | Min (a b : expr) | Power (a b : expr)
  | Less (a b yes no : expr)
  | Equal (a b yes no : expr)
  | Root (n : Z) (a c : expr).

Definition same (x y : expr) : {x = y} + {x <> y}.
Proof. decide equality; (apply Nat.eq_dec || apply Z.eq_dec || (decide equality; apply Z.eq_dec)). Defined.

Section Real.
Variable known : list R.

Fixpoint real (x : expr) : R :=
  match x with
  | Known n => nth n known 0
  | Int n => IZR n
  | Bits f bits => value f bits
  | Pi => PI
  | Neg a => - real a
  | Inv a => / real a
  | Sqrt a => sqrt (real a)
  | Exp a => exp (real a)
  | Ln a => ln (real a)
  | Cos a => cos (real a)
  | Sin a => sin (real a)
  | Floor a => IZR (Zfloor (real a))
  | Ceil a => IZR (Zceil (real a))
  | Add a b => real a + real b
  | Sub a b => real a - real b
  | Mul a b => real a * real b
  | Div a b => real a / real b
  | Max a b => Rmax (real a) (real b)
  | Min a b => Rmin (real a) (real b)
  | Power a b => Rpower (real a) (real b)
  | Less a b yes no => if Rlt_dec (real a) (real b) then real yes else real no
  | Equal a b yes no => if Req_EM_T (real a) (real b) then real yes else real no
  | Root n a c => Rpower 2 (real a) * IZR n / sqrt (real c)
  end.
End Real.

Section Bound.
Variable p : F.precision.
Variable known : list I.type.

(** a^b, exact for a whole power of two. *)
Definition power (a b : I.type) : I.type :=
  match (if is a 2 0 then whole b else None) with
  | Some n => exactly 1 n
  | None => I.exp p (I.mul p b (I.ln p a))
  end.

(** 2^a · n / √c, exact where n² · 2^(2a) / c is a square. *)
Definition root (a : I.type) (n : Z) (c : I.type) : I.type :=
  match (if before true (exactly 0 0) c then whole (I.mul p (exactly 2 0) a) else None) with
  | Some k =>
      let size := I.sqrt p (I.div p (exactly (n * n) k) c) in
      if (n <? 0)%Z then I.neg size else size
  | None => I.div p (I.mul p (power (exactly 2 0) a) (exactly n 0)) (I.sqrt p c)
  end.

(** The one of two numbers that is the larger, or the smaller, as far as enclosures tell. *)
Section Settled.
Variable bound : expr -> I.type.
Fixpoint settled (x : expr) : expr :=
  match x with
  | Max a b => if before false (bound a) (bound b) then settled b
               else if before false (bound b) (bound a) then settled a else x
  | Min a b => if before false (bound a) (bound b) then settled a
               else if before false (bound b) (bound a) then settled b else x
  | _ => x
  end.
End Settled.

Fixpoint bound (x : expr) : I.type :=
  match x with
  | Known n => nth n known I.nai
  | Int n => exactly n 0
  | Bits f bits => exactly (significand f bits) (exponent f bits)
  | Pi => I.pi p
  | Neg a => I.neg (bound a)
  | Inv a => I.inv p (bound a)
  | Sqrt a => I.sqrt p (bound a)
  | Exp a => let i := bound a in if is i 0 0 then exactly 1 0 else I.exp p i
  | Ln a => let i := bound a in if is i 1 0 then exactly 0 0 else I.ln p i
  | Cos a => let i := bound a in if is i 0 0 then exactly 1 0 else trigonometric p (I.cos p) i
  | Sin a => let i := bound a in if is i 0 0 then exactly 0 0 else sine p i
  | Floor a => I.nearbyint rnd_DN (bound a)
  | Ceil a => I.nearbyint rnd_UP (bound a)
  | Add a b => I.add p (bound a) (bound b)
  | Sub a b => I.sub p (bound a) (bound b)
  | Mul a b => I.mul p (bound a) (bound b)
  | Div a b => I.div p (bound a) (bound b)
  | Max a b => let i := bound a in let j := bound b in
      if before false i j then j else if before false j i then i else I.join i j
  | Min a b => let i := bound a in let j := bound b in
      if before false i j then i else if before false j i then j else I.join i j
  | Power a b => power (bound a) (bound b)
  | Less a b yes no => let i := bound a in let j := bound b in
      if before true i j then bound yes else if before false j i then bound no
      else I.join (bound yes) (bound no)
  | Equal a b yes no => let i := bound a in let j := bound b in
      if same (settled bound a) (settled bound b) then bound yes
      else if (before false i j && before false j i)%bool then bound yes
      else if (before true i j || before true j i)%bool then bound no
      else I.join (bound yes) (bound no)
  | Root n a c => root (bound a) n (bound c)
  end.
End Bound.

Inductive enclosed : list I.type -> list R -> Prop :=
  | none : enclosed nil nil
  | also i x ks xs : encloses i x -> enclosed ks xs -> enclosed (i :: ks) (x :: xs).
Arguments also {i x ks xs}.

Lemma enclosed_nth ks xs : enclosed ks xs -> forall n, encloses (nth n ks I.nai) (nth n xs 0).
Proof.
  induction 1; intros [|n]; cbn [nth]; try assumption; try apply IHenclosed;
    unfold encloses; now rewrite I.nai_correct.
Qed.

Lemma power_right p i j x y : encloses i x -> encloses j y -> encloses (power p i j) (Rpower x y).
Proof.
  intros A B. unfold power. destruct (is i 2 0) eqn:T; [destruct (whole j) as [n|] eqn:W|].
  2, 3: unfold Rpower; apply (I.exp_correct p _ (Xreal _)), (I.mul_correct p _ _ (Xreal _) (Xreal _) B);
    eapply lax; [apply (I.ln_correct p _ _ A)| |reflexivity]; cbn; unfold Xln';
    destruct (is_positive x); auto.
  apply encloses_point. rewrite (is_right _ _ _ _ T A), (whole_right _ _ _ W B).
  rewrite <- powerRZ_Rpower by (rewrite powerRZ_O; lra). rewrite powerRZ_O, Rmult_1_r. ring.
Qed.

Lemma sqrt_right p i x : encloses i x -> encloses (I.sqrt p i) (sqrt x).
Proof.
  intros A. eapply lax; [apply (I.sqrt_correct p _ _ A)| |reflexivity]. cbn. auto.
Qed.

Lemma div_right p i j x y : encloses i x -> encloses j y -> encloses (I.div p i j) (x / y).
Proof.
  intros A B. eapply lax; [apply (I.div_correct p _ _ _ _ A B)| |reflexivity].
  cbn. unfold Xdiv'. destruct (is_zero y); auto.
Qed.

Lemma root_right p i n j x y :
  encloses i x -> encloses j y -> encloses (root p i n j) (Rpower 2 x * IZR n / sqrt y).
Proof.
  intros A B. unfold root.
  assert (Z0 : encloses (exactly 0 0) 0) by (apply encloses_point; rewrite powerRZ_O; ring).
  assert (T2 : encloses (exactly 2 0) 2) by (apply encloses_point; rewrite powerRZ_O; ring).
  destruct (before true _ j) eqn:P; [destruct (whole _) as [k|] eqn:W|].
  2, 3: apply div_right; [|now apply sqrt_right];
    apply (I.mul_correct p _ _ (Xreal _) (Xreal _)); [now apply power_right|];
    apply encloses_point; rewrite powerRZ_O; ring.
  apply (before_is _ _ _ _ _ P Z0) in B as Pos. cbv beta iota in Pos.
  assert (K : 2 * x = IZR k).
  { apply (whole_right _ _ _ W). apply (I.mul_correct p _ _ (Xreal _) (Xreal _) T2 A). }
  assert (S : 0 < sqrt y) by now apply sqrt_lt_R0.
  assert (Sq : IZR (n * n) * powerRZ 2 k / y = Rsqr (Rpower 2 x * IZR n / sqrt y)).
  { rewrite powerRZ_Rpower by lra. rewrite <- K. replace (2 * x) with (x + x) by ring.
    rewrite Rpower_plus, mult_IZR. unfold Rsqr. rewrite <- (sqrt_sqrt y) at 1 by lra. field. lra. }
  assert (Size : encloses (I.sqrt p (I.div p (exactly (n * n) k) j)) (Rabs (Rpower 2 x * IZR n / sqrt y))).
  { rewrite <- sqrt_Rsqr_abs, <- Sq. apply sqrt_right, div_right; [|exact B].
    now apply encloses_point. }
  assert (U : 0 < Rpower 2 x / sqrt y) by (apply Rdiv_lt_0_compat; [apply exp_pos|exact S]).
  replace (Rpower 2 x * IZR n / sqrt y) with (Rpower 2 x / sqrt y * IZR n) in * by (field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq (_ / _)) in Size by lra.
  destruct (Z.ltb_spec n 0) as [N|N].
  - rewrite Rabs_left in Size by now apply IZR_lt.
    replace (_ * IZR n) with (- (Rpower 2 x / sqrt y * - IZR n)) by ring.
    apply (I.neg_correct _ (Xreal _) Size).
  - rewrite Rabs_pos_eq in Size by now apply IZR_le. exact Size.
Qed.

Lemma bounded_settled p {ks xs} (known : enclosed ks xs) x :
  encloses (bound p ks x) (real xs x) /\ real xs (settled (bound p ks) x) = real xs x.
Proof.
  assert (At := enclosed_nth _ _ known).
  assert (Exact : forall n, encloses (exactly n 0) (IZR n))
    by (intros n; apply encloses_point; rewrite powerRZ_O; ring).
  induction x; cbn [bound real settled]; cbv zeta; try destruct IHx as [IHx _];
    try destruct IHx1 as [IHx1 Same1]; try destruct IHx2 as [IHx2 Same2];
    try destruct IHx3 as [IHx3 _]; try destruct IHx4 as [IHx4 _]; try (split; [|reflexivity]).
  - apply At.
  - apply Exact.
  - now apply encloses_point.
  - apply I.pi_correct.
  - apply (I.neg_correct _ (Xreal _) IHx).
  - eapply lax; [apply (I.inv_correct p _ _ IHx)| |reflexivity].
    cbn. unfold Xinv'. destruct (is_zero (real xs x)); auto.
  - now apply sqrt_right.
  - destruct (is _ 0 0) eqn:E; [|apply (I.exp_correct p _ _ IHx)].
    rewrite (is_right _ _ _ _ E IHx), Rmult_0_l, exp_0. apply Exact.
  - destruct (is _ 1 0) eqn:E.
    + rewrite (is_right _ _ _ _ E IHx), powerRZ_O, Rmult_1_l, ln_1. apply Exact.
    + eapply lax; [apply (I.ln_correct p _ _ IHx)| |reflexivity].
      cbn. unfold Xln'. destruct (is_positive (real xs x)); auto.
  - destruct (is _ 0 0) eqn:E; [|now apply cos_right].
    rewrite (is_right _ _ _ _ E IHx), Rmult_0_l, cos_0. apply Exact.
  - destruct (is _ 0 0) eqn:E; [|now apply sine_right].
    rewrite (is_right _ _ _ _ E IHx), Rmult_0_l, sin_0. apply Exact.
  - apply (I.nearbyint_correct rnd_DN _ _ IHx).
  - apply (I.nearbyint_correct rnd_UP _ _ IHx).
  - apply (I.add_correct p _ _ _ _ IHx1 IHx2).
  - apply (I.sub_correct p _ _ _ _ IHx1 IHx2).
  - apply (I.mul_correct p _ _ _ _ IHx1 IHx2).
  - now apply div_right.
  - destruct (before false (bound p ks x1) (bound p ks x2)) eqn:E.
    + rewrite Rmax_right by apply (before_is _ _ _ _ _ E IHx1 IHx2). now split.
    + clear E. destruct (before false _ _) eqn:E.
      * rewrite Rmax_left by apply (before_is _ _ _ _ _ E IHx2 IHx1). now split.
      * split; [|reflexivity]. apply I.join_correct. unfold Rmax. destruct (Rle_dec _ _); auto.
  - destruct (before false (bound p ks x1) (bound p ks x2)) eqn:E.
    + rewrite Rmin_left by apply (before_is _ _ _ _ _ E IHx1 IHx2). now split.
    + clear E. destruct (before false _ _) eqn:E.
      * rewrite Rmin_right by apply (before_is _ _ _ _ _ E IHx2 IHx1). now split.
      * split; [|reflexivity]. apply I.join_correct. unfold Rmin. destruct (Rle_dec _ _); auto.
  - now apply power_right.
  - destruct (before true _ _) eqn:E.
    + assert (L := before_is _ _ _ _ _ E IHx1 IHx2). cbv beta iota in L.
      destruct (Rlt_dec _ _); [exact IHx3|contradiction].
    + clear E. destruct (before false _ _) eqn:E.
      * assert (L := before_is _ _ _ _ _ E IHx2 IHx1). cbv beta iota in L.
        destruct (Rlt_dec _ _); [lra|exact IHx4].
      * apply I.join_correct. destruct (Rlt_dec _ _); auto.
  - destruct (same _ _) as [E|_].
    { apply (f_equal (real xs)) in E. rewrite Same1, Same2 in E.
      destruct (Req_EM_T _ _); [exact IHx3|contradiction]. }
    destruct (_ && _)%bool eqn:E.
    + apply andb_prop in E. destruct E as [E G].
      assert (L := before_is _ _ _ _ _ E IHx1 IHx2). assert (M := before_is _ _ _ _ _ G IHx2 IHx1).
      cbv beta iota in L, M. destruct (Req_EM_T _ _); [exact IHx3|lra].
    + clear E. destruct (_ || _)%bool eqn:E.
      * destruct (Req_EM_T _ _) as [Q|Q]; [|exact IHx4]. exfalso. apply Bool.orb_prop in E.
        destruct E as [E|E];
          [assert (L := before_is _ _ _ _ _ E IHx1 IHx2)|assert (L := before_is _ _ _ _ _ E IHx2 IHx1)];
          cbv beta iota in L; lra.
      * apply I.join_correct. destruct (Req_EM_T _ _); auto.
  - now apply root_right.
Qed.

Theorem bounded p {ks xs} (known : enclosed ks xs) x : encloses (bound p ks x) (real xs x).
Proof. apply bounded_settled, known. Qed.

(** ** Whether everything in an enclosure rounds to a bit pattern, or overflows. *)
Definition fits (f : format) (bits : Z) (i : I.type) : bool :=
  match midpoints f bits, i with
  | Some (a, b), Float.Ibnd l u =>
      let s := (exponent f bits - 2)%Z in
      let within := if Z.even (significand f bits) then at_most else less in
      (within (point a s) l && within u (point b s))%bool
  | _, _ => false
  end.

Theorem rounds p {ks xs} (known : enclosed ks xs) x f bits :
  fits f bits (bound p ks x) = true -> nearest f (real xs x) = value f bits.
Proof.
  assert (H := bounded p known x). revert H. generalize (real xs x) (bound p ks x). intros r i H.
  unfold fits. destruct (midpoints f bits) as [[a b]|] eqn:M; [|easy]. destruct i as [|l u]; [easy|].
  cbv zeta. intros W. apply andb_prop in W. destruct W as [A B]. apply encloses_ends in H.
  apply (certified f bits a b r M). unfold inside. destruct (Z.even _).
  - apply at_most_is in A, B. rewrite point_real in A, B.
    split; [apply Rle_trans with (1 := proj2 (proj2 A))|apply Rle_trans with (2 := proj2 (proj2 B))];
      now apply H.
  - apply less_is in A, B. rewrite point_real in A, B.
    split; [apply Rlt_le_trans with (1 := proj2 (proj2 A))|apply Rle_lt_trans with (2 := proj2 (proj2 B))];
      now apply H.
Qed.

Definition too_large (f : format) (i : I.type) : bool :=
  let e := (2 ^ (field f - 1) - digits f + 1)%Z in
  (has f (2 ^ (digits f - 1)) e && (least f <? e)%Z &&
   before false (exactly (4 * 2 ^ (digits f - 1) - 1) (e - 2)) i)%bool.

Theorem overflows p {ks xs} (known : enclosed ks xs) x f :
  too_large f (bound p ks x) = true -> overflow f <= nearest f (real xs x).
Proof.
  assert (H := bounded p known x). unfold too_large. cbv zeta. intros W.
  apply andb_prop in W. destruct W as [W B]. apply andb_prop in W. destruct W as [W L].
  apply certified_infinity; [exact W|exact L|].
  refine (before_is false _ _ _ _ B _ H). now apply encloses_point.
Qed.

(** The kernel unfolds what an expression means before anything that it is compared with. *)
Strategy expand [real nth].
Strategy 1000 [bound contains I.convert cos sin exp ln sqrt PI IZR powerRZ significand exponent].

Tactic Notation "by_enclosure" uconstr(proof) := simple refine proof; vm_cast_no_check (eq_refl true).
