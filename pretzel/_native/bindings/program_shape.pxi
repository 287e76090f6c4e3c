# Native shapes of programs. Models that differ in numbers only share one.

from weakref import WeakValueDictionary

from pretzel.buffers import plan_buffers


@cython.final
cdef class SharedShape:
    """The native shape of all programs that differ in parameters and states only."""

    cdef ProgramShape shape
    cdef readonly object buffers
    cdef object __weakref__

    def __init__(self, plan, bint is_subplan, int64_t subplan_row_bytes):
        cdef LeafSpec leaf
        cdef SlotSpec slot
        cdef Step step
        cdef SubPlanStep subplans
        cdef int32_t n_params = 0, n_bodies = 0
        cdef const char* wrong
        self.buffers = plan_buffers(plan)
        kinds = {"numeric": LeafKind.kNumeric, "cells": LeafKind.kCells, "text": LeafKind.kCells,
                 "items": LeafKind.kCells, "dates": LeafKind.kNumeric, "rows": LeafKind.kNumeric,
                 "sparse": LeafKind.kSparse}
        for number, each in enumerate(plan.leaves):
            if each.width != self.buffers.slots[number].width:
                raise errors.KernelError(f"a leaf of {each.width} columns has a slot of another width")
            leaf.kind = <LeafKind><uint8_t>kinds[each.kind.value]
            leaf.slot = number
            self.shape.leaves.push_back(leaf)
            if is_subplan:
                self.shape.sources.push_back(each.source)
        for each in self.buffers.slots:
            slot.kind = <ValueKind><uint8_t>VALUE_KINDS.index(each.kind.value)
            slot.width = each.width
            slot.buffer = each.buffer
            slot.offset = each.offset
            self.shape.slots.push_back(slot)
        for width in self.buffers.buffers:
            self.shape.buffers.push_back(width)
        for call, placed in zip(self.buffers.calls(plan), self.buffers.steps, strict=True):
            step.kernel = find_kernel(call.kernel.encode())
            if step.kernel == NULL:
                raise errors.KernelError(f"there is no kernel {call.kernel!r}")
            step.first_param = n_params
            step.n_params = len(call.params)
            n_params += step.n_params
            step.first_input = <int32_t>self.shape.inputs.size()
            step.n_inputs = len(placed.inputs)
            for number in placed.inputs:
                self.shape.inputs.push_back(number)
            step.output = placed.output
            if call.bodies:
                subplans.step = <int32_t>self.shape.steps.size()
                subplans.first_body = n_bodies
                subplans.n_bodies = len(call.bodies)
                n_bodies += subplans.n_bodies
                self.shape.subplan_steps.push_back(subplans)
            self.shape.steps.push_back(step)
        for end in self.buffers.stage_ends:
            self.shape.stage_ends.push_back(end)
        self.shape.output = self.buffers.slot_of[plan.output]
        self.shape.subplan_row_bytes = subplan_row_bytes
        wrong = self.shape.check()
        if wrong != NULL:
            raise errors.KernelError(f"the program {wrong.decode()}")
        self.shape.finish()


SHAPES = WeakValueDictionary()  # by everything they are made from, while a program has them


cdef SharedShape shape_of(plan, bint is_subplan, tuple bodies):
    """The native shape of a `pretzel.plan.Program`. If two threads build it at once, one of the two is kept."""
    cdef NativeProgram body
    cdef double row_bytes = 0
    for body in bodies:
        inside = (body.program.cost.inner_bytes(512) - body.program.cost.inner_bytes(256)) / 256
        row_bytes = max(row_bytes, body.program.shape.row_bytes + inside)
    about = 1 << int(math.ceil(row_bytes)).bit_length() if bodies else 0
    calls = [[(call.kernel, len(call.params), len(call.bodies)) for call in stage.calls] for stage in plan.stages]
    key = (active_isa(), plan.shape, tuple(map(tuple, calls)), is_subplan, about)
    found = SHAPES.get(key)
    return found if found is not None else SHAPES.setdefault(key, SharedShape(plan, is_subplan, about))


SUBPLANS = WeakValueDictionary()  # by sub-plan and store, while a program runs them


cdef tuple subplans_of(plan, store):
    """The sub-plans of a `pretzel.plan.Program` in the order of its calls; those inside them are built first."""
    direct = [body for call in plan.calls for body in call.bodies]
    built = {}
    stack = direct[:]
    while stack:
        subplan = stack[len(stack) - 1]
        key = (active_isa(), id(store), id(subplan))
        found = built.get(subplan)
        if found is None:
            found = built[subplan] = SUBPLANS.get(key)
        inside = [] if found is not None else [body for call in subplan.calls for body in call.bodies]
        missing = [body for body in inside if built.get(body) is None]
        if missing:
            stack += missing
            continue
        if found is None:  # it keeps the two whose addresses are its name
            found = NativeProgram(subplan.program, store, (store, subplan), True)
            built[subplan] = SUBPLANS.setdefault(key, found)
        stack.pop()
    return tuple([built[body] for body in direct])
