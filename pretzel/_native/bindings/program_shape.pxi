# Native shapes of programs. Models that differ in numbers only share one.

from weakref import WeakValueDictionary

from pretzel.buffers import plan_buffers


@cython.final
cdef class SharedShape:
    """The native shape of all programs that differ in parameters and states only."""

    cdef ProgramShape shape
    cdef readonly object buffers
    cdef object __weakref__

    def __init__(self, plan):
        cdef LeafSpec leaf
        cdef SlotSpec slot
        cdef Step step
        cdef int32_t n_params = 0
        cdef const char* wrong
        self.buffers = plan_buffers(plan)
        kinds = {"numeric": LeafKind.kNumeric, "cells": LeafKind.kCells, "text": LeafKind.kCells,
                 "sparse": LeafKind.kSparse}
        for number, each in enumerate(plan.leaves):
            if len(each.columns) != self.buffers.slots[number].width:
                raise errors.KernelError(f"a leaf of {len(each.columns)} columns has a slot of another width")
            leaf.kind = <LeafKind><uint8_t>kinds[each.kind.value]
            leaf.slot = number
            self.shape.leaves.push_back(leaf)
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
            self.shape.steps.push_back(step)
        for end in self.buffers.stage_ends:
            self.shape.stage_ends.push_back(end)
        self.shape.output = self.buffers.slot_of[plan.output]
        wrong = self.shape.check()
        if wrong != NULL:
            raise errors.KernelError(f"the program {wrong.decode()}")
        self.shape.finish()


SHAPES = WeakValueDictionary()  # by everything they are made from, while a program has them


cdef SharedShape shape_of(plan):
    """The native shape of a `pretzel.plan.Program`. If two threads build it at once, one of the two is kept."""
    stages = tuple([tuple([(call.kernel, len(call.params)) for call in stage.calls]) for stage in plan.stages])
    key = (active_isa(), plan.shape, stages)
    found = SHAPES.get(key)
    return found if found is not None else SHAPES.setdefault(key, SharedShape(plan))
