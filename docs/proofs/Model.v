(** The ladder's kernel as a program that runs, in Flocq's binary64, and that is the program proved.

    The steps are written once, over any arithmetic. Over the reals, with every operation rounded, they
    are the definitions of [Product.v] and [Entry.v], by reflexivity. Over Flocq's binary64 they run,
    and [Samples.v] compares them bit by bit with what the Rust code gave. *)

From Coq Require Import Reals ZArith List Bool.
From Flocq Require Import Core Binary Bits.
From Flocq Require BinarySingleNaN.
Require Import Float Product Entry Rounding Fixed.
Import ListNotations.

Section Program.

Variable T : Type.
Variables add sub mul : T -> T -> T.

Section Dot.

Variable product_error : T -> T -> T.

Definition program_dot_plus (ah al ch cl bh bl dh dl : T) : T * T :=
  let p := mul ah ch in
  let p_error := product_error ah ch in
  let q := mul bh dh in
  let q_error := product_error bh dh in
  let sum := add p q in
  let z := sub sum p in
  let p_rest := sub p (sub sum z) in
  let sum_error := add p_rest (sub q z) in
  let cross := add (add (mul ah cl) (mul al ch)) (add (mul bh dl) (mul bl dh)) in
  let low := add (add (add p_error q_error) sum_error) cross in
  (sum, low).

Definition program_dot_minus (ah al ch cl bh bl dh dl : T) : T * T :=
  let p := mul ah ch in
  let p_error := product_error ah ch in
  let q := mul bh dh in
  let q_error := product_error bh dh in
  let sum := sub p q in
  let z := sub sum p in
  let p_rest := sub p (sub sum z) in
  let sum_error := sub p_rest (add q z) in
  let cross := sub (add (mul ah cl) (mul al ch)) (add (mul bh dl) (mul bl dh)) in
  let low := add (add (sub p_error q_error) sum_error) cross in
  (sum, low).

End Dot.

(** Dekker's product, [splitter] being 2^27 + 1. *)
Variable splitter : T.

Definition program_upper (x : T) : T := let c := mul splitter x in sub c (sub c x).

Definition program_dekker (x y : T) : T :=
  let p := mul x y in
  let ah := program_upper x in let al := sub x ah in
  let bh := program_upper y in let bl := sub y bh in
  add (add (add (sub (mul ah bh) p) (mul ah bl)) (mul al bh)) (mul al bl).

(** An entry, from the three pieces of a component. *)
Definition program_entry (h m l : T) : T * T :=
  let sum := add h m in
  let rest := add (sub m (sub sum h)) l in
  let hi := add sum rest in
  (hi, sub rest (sub hi sum)).

Definition program_plain_minus (a b c d : T) : T := sub (mul a c) (mul b d).
Definition program_plain_plus (a b c d : T) : T := add (mul a d) (mul b c).

End Program.

(** ** Over the reals it is what was proved. *)
Notation over_reals f := (f R (fun x y => RN (x + y)) (fun x y => RN (x - y)) (fun x y => RN (x * y))).

Theorem program_plus pe ah al ch cl bh bl dh dl :
  over_reals program_dot_plus pe ah al ch cl bh bl dh dl = dot_plus pe ah al ch cl bh bl dh dl.
Proof. reflexivity. Qed.

Theorem program_minus pe ah al ch cl bh bl dh dl :
  over_reals program_dot_minus pe ah al ch cl bh bl dh dl = dot_minus pe ah al ch cl bh bl dh dl.
Proof. reflexivity. Qed.

Theorem program_is_dekker x y : over_reals program_dekker (pow 27 + 1)%R x y = dekker x y.
Proof. reflexivity. Qed.

Theorem program_is_entry x :
  program_entry R (fun x y => RN (x + y)) (fun x y => RN (x - y)) (IZR (high x) * pow (-40))%R (IZR (middle x) * pow (-83))%R
    (IZR (low x) * pow (-126))%R = entry x.
Proof. reflexivity. Qed.

Theorem program_is_plain a b c d :
  program_plain_minus R (fun x y => RN (x - y)) (fun x y => RN (x * y)) a b c d = plain_minus a b c d /\
  program_plain_plus R (fun x y => RN (x + y)) (fun x y => RN (x * y)) a b c d = plain_plus a b c d.
Proof. split; reflexivity. Qed.

(** ** Over Flocq's binary64 it runs. *)
Open Scope Z_scope.

Notation add64 := (b64_plus BinarySingleNaN.mode_NE).
Notation sub64 := (b64_minus BinarySingleNaN.mode_NE).
Notation mul64 := (b64_mult BinarySingleNaN.mode_NE).
Notation in_binary64 f := (f binary64 add64 sub64 mul64).

(** n · 2^k. *)
Definition number (n k : Z) : binary64 :=
  binary_normalize 53 1024 (refl_equal _) (refl_equal _) BinarySingleNaN.mode_NE n k false.

Definition splitter64 : binary64 := number (2 ^ 27 + 1) 0.
Definition dekker64 : binary64 -> binary64 -> binary64 := in_binary64 program_dekker splitter64.
Definition fused64 (x y : binary64) : binary64 := b64_fma BinarySingleNaN.mode_NE x y (b64_opp (mul64 x y)).

Definition component64 (e x : Z) : binary64 * binary64 :=
  let m := Z.abs x in
  let (hi, lo) := program_entry binary64 add64 sub64 (number (high m) (-40)) (number (middle m) (-83))
                    (number (low m) (-126)) in
  let scale := number 1 e in
  if x <? 0 then (mul64 (b64_opp hi) scale, mul64 (b64_opp lo) scale)
  else (mul64 hi scale, mul64 lo scale).

Definition ends64 (e : Z) (x : binary64 * binary64) : list Z :=
  let eps := number 25 (e - 107) in
  map bits_of_b64 [fst x; snd x; add64 (fst x) (sub64 (snd x) eps); add64 (fst x) (add64 (snd x) eps)].

(** Everything that the kernel computes from two fixed-point numbers, as bit patterns. *)
Definition run (error : binary64 -> binary64 -> binary64) (z w : fixed) (e : Z) : list Z :=
  let product := times z w in
  let (ah, al) := component64 e (re z) in let (bh, bl) := component64 e (im z) in
  let (ch, cl) := component64 0 (re w) in let (dh, dl) := component64 0 (im w) in
  [re product; im product]
  ++ ends64 e (in_binary64 program_dot_minus error ah al ch cl bh bl dh dl)
  ++ ends64 e (in_binary64 program_dot_plus error ah al dh dl bh bl ch cl)
  ++ map bits_of_b64
       [program_plain_minus binary64 sub64 mul64 ah bh ch dh;
        program_plain_plus binary64 add64 mul64 ah bh ch dh].

Fixpoint same_list (x y : list Z) : bool :=
  match x, y with
  | [], [] => true
  | a :: x, b :: y => (a =? b) && same_list x y
  | _, _ => false
  end.

(** A sample: z, w, e, and what the Rust code gave. Both ways to the error of a product agree. *)
Definition agrees (sample : Z * Z * Z * Z * Z * list Z) : bool :=
  let '(zr, zi, wr, wi, e, expected) := sample in
  let z := Fixed zr zi in let w := Fixed wr wi in
  same_list (run dekker64 z w e) expected && same_list (run fused64 z w e) expected.
